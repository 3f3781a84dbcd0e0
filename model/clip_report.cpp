#include "model/clip_report.h"

#include <cmath>
#include <cstdarg>
#include <cstdio>

#include "model/contact_sheet.h"
#include "model/patch_masks.h"
#include "model/preprocess.h"
#include "model/text_table.h"
#include "runtime/error.h"
#include "runtime/json.h"
#include "runtime/json_text.h"
#include "runtime/png_writer.h"

namespace afnet {

namespace {

using Json = nlohmann::ordered_json;

__attribute__((format(printf, 1, 2))) std::string format(const char *pattern, ...) {
    char buffer[512];
    va_list arguments;
    va_start(arguments, pattern);
    std::vsnprintf(buffer, sizeof buffer, pattern, arguments);
    va_end(arguments);
    return buffer;
}

std::string chosen_frames(const std::vector<int> &mask) {
    std::string text;
    for (int selected : mask) text += selected ? '#' : '.';
    return text;
}

std::string ratio_text(const std::optional<double> &ratio, int decimals) {
    return ratio ? decimal(*ratio, decimals) : "-";
}

Json ratio_json(const std::optional<double> &ratio) {
    return ratio ? Json(*ratio) : Json();
}

// What a network whose crop is `rule` sees of a frame.
FramePart part_seen(Crop rule, int size) {
    const EvaluationCrop crop = frame_crop(rule, size);
    const double width = crop.width, height = crop.height;
    return {crop.left / width, crop.top / height, crop.size / width, crop.size / height};
}

}  // namespace

std::string clip_text(const ClipResult &r) {
    std::string text = r.path + "\n";
    for (const ClassScore &score : r.top) {
        text += format("  %6.2f %%  ", 100 * score.probability) + one_line(score.label) + "\n";
    }
    if (!r.masks.empty()) {
        size_t width = 0;
        for (const BlockMask &mask : r.masks) width = std::max(width, mask.block.size());
        const bool patches = r.grid > 0;
        text += std::string("  frames computed per focal block (# computed, . skipped) and realised RT") +
                (patches ? "; RS, of their patches\n" : "\n");
        for (const BlockMask &mask : r.masks) {
            text += "    " + mask.block + std::string(width - mask.block.size() + 2, ' ') + chosen_frames(mask.mask) +
                    format("  %.2f", mask.realised_rt) + (patches ? "  " + ratio_text(mask.realised_rs, 2) : "") + "\n";
        }
        text += format("  realised RT %.3f, ", r.realised_rt);
        if (patches) text += "RS " + ratio_text(r.realised_rs, 3) + ", ";
    } else {
        text += "  ";
    }
    text += format("%.2f GMACs; decode %.1f ms, preprocess %.1f ms, network %.1f ms\n", r.gmac, r.decode_ms,
                   r.preprocess_ms, r.network_ms);
    return text;
}

std::string clip_json(const ClipResult &r, const LoadTimes &load) {
    Json line = {{"path", r.path}, {"status", r.error.empty() ? "ok" : "error"}};
    line["error"] = r.error.empty() ? Json() : Json(r.error);
    line["topk"] = Json::array();
    for (const ClassScore &s : r.top) {
        line["topk"].push_back({{"label", s.label}, {"index", s.index}, {"prob", s.probability}});
    }
    line["frames"] = r.frames;
    line["frame_pts"] = Json::array();
    for (double seconds : r.frame_seconds) line["frame_pts"].push_back(std::isfinite(seconds) ? Json(seconds) : Json());
    line["masks"] = Json::object();
    line["block_rt"] = Json::object();
    for (const BlockMask &mask : r.masks) {
        line["masks"][mask.block] = mask.mask;
        line["block_rt"][mask.block] = mask.realised_rt;
    }
    line["realised_rt"] = r.realised_rt;
    if (r.grid > 0) {
        line["grid"] = r.grid;
        line["patches"] = Json::object();
        line["block_rs"] = Json::object();
        for (const BlockMask &mask : r.masks) {
            line["patches"][mask.block] = patches_by_frame(mask.patches, r.grid);
            line["block_rs"][mask.block] = ratio_json(mask.realised_rs);
        }
        line["realised_rs"] = ratio_json(r.realised_rs);
    }
    line["gmac"] = r.gmac;
    line["ms"] = {{"decode", r.decode_ms}, {"preprocess", r.preprocess_ms}, {"network", r.network_ms}};
    line["load_ms"] = {{"weights", load.weights},
                       {"kernels", load.kernels},
                       {"packing", load.packing},
                       {"memory", load.memory},
                       {"zero_responses", load.zero_responses}};
    line["warnings"] = r.warnings;
    return json_text(line);
}

std::string clips_csv(const std::vector<ClipResult> &results) {
    std::string text =
        "path,status,error,label,index,prob,realised_rt,gmac,decode_ms,preprocess_ms,network_ms\n";
    for (const ClipResult &r : results) {
        text += csv_field(r.path) + (r.error.empty() ? ",ok," : ",error,") + csv_field(r.error) + ",";
        if (r.top.empty()) {
            text += ",,,,,,,\n";
            continue;
        }
        const ClassScore &best = r.top.front();
        text += csv_field(best.label) + format(",%d,%.6f,%.4f,%.4f,%.3f,%.3f,%.3f\n", best.index, best.probability,
                                               r.realised_rt, r.gmac, r.decode_ms, r.preprocess_ms, r.network_ms);
    }
    return text;
}

void write_clip_picture(const std::string &path, const ClipResult &result, const std::vector<RgbFrame> &frames,
                        const std::string &block, const ModelDescription &model) {
    ContactSheet sheet;
    sheet.seen = part_seen(model.crop, model.size);
    sheet.frames = frames;
    if (!result.top.empty()) {
        sheet.label = result.top.front().label;
        sheet.probability = result.top.front().probability;
    }
    sheet.detail = result.path + "   " + model.name + format("   realised RT %.2f", result.realised_rt) +
                   (result.grid > 0 ? "   RS " + ratio_text(result.realised_rs, 2) : "") +
                   format("   %.1f GMACs", result.gmac);
    for (double seconds : result.frame_seconds) {
        sheet.frame_captions.push_back(std::isfinite(seconds) ? format("%.2f s", seconds) : "");
    }
    std::string known;
    for (const BlockMask &mask : result.masks) {
        known += (known.empty() ? "" : ", ") + mask.block;
        if (block != "all" && block != mask.block) continue;
        const std::string patches = result.grid > 0 ? "  RS " + ratio_text(mask.realised_rs, 2) : "";
        sheet.rows.push_back({mask.block + format("  %.2f", mask.realised_rt) + patches,
                              std::vector<bool>(mask.mask.begin(), mask.mask.end()), result.grid, mask.patches});
    }
    if (sheet.rows.empty() && !result.masks.empty()) {
        throw Error("--block " + block + ": the model has no such focal block; it has " + known + ", or take `all`");
    }
    write_png(path, draw_contact_sheet(sheet));
}

}  // namespace afnet
