#include "runtime/media_switches.h"
#if AFNET_WITH_FFMPEG

#include "runtime/video_index.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "runtime/error.h"
#include "runtime/packet_facts.h"
#include "runtime/video_decoder.h"

namespace afnet {

namespace {

constexpr double kUnknownTime = std::numeric_limits<double>::quiet_NaN();

double seconds_of(int64_t pts, const AVStream &stream) {
    return pts == AV_NOPTS_VALUE ? kUnknownTime : static_cast<double>(pts) * av_q2d(stream.time_base);
}

void check_count(const MediaInput &input, size_t count, const MediaLimits &limits) {
    if (count <= static_cast<size_t>(limits.max_frames)) return;
    throw Error(input.name() + ": more than " + std::to_string(limits.max_frames) +
                " frames; no more are expected in one file. Cut it into pieces");
}

// What hints at a file that is cut short. Containers differ in who notices: the reading fails, or it just ends with a
// complaint, or only the header knows better.
std::string incompleteness(const MediaInput &input, size_t packets) {
    if (!input.broken_off().empty()) return input.broken_off();
    if (!ffmpeg_message().empty()) return ffmpeg_message();
    const int64_t promised = input.stream().nb_frames;
    if (promised <= static_cast<int64_t>(packets)) return "";
    return "its header promises " + std::to_string(promised) + " frames, and " + std::to_string(packets) + " are there";
}

// The shown packets in the order of their times; empty when two have the same time or one has none.
std::vector<int64_t> in_order_of_time(const std::vector<VideoPacket> &packets) {
    std::vector<int64_t> order;
    for (size_t i = 0; i < packets.size(); ++i) {
        if (packets[i].shown) order.push_back(static_cast<int64_t>(i));
    }
    const auto pts = [&](int64_t i) { return packets[static_cast<size_t>(i)].pts; };
    std::sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return pts(a) < pts(b); });
    const auto same =
        std::adjacent_find(order.begin(), order.end(), [&](int64_t a, int64_t b) { return pts(a) == pts(b); });
    const bool known = order.empty() || pts(order.front()) != AV_NOPTS_VALUE; // the smallest number there is
    if (same != order.end() || !known) order.clear();
    return order;
}

// Pictures before the first restart, in decoding or in time, may refer to what the file does not hold; whether they
// come out is the decoder's decision.
bool starts_cleanly(const std::vector<VideoPacket> &packets, const std::vector<int64_t> &order) {
    return packets.front().restart && packets[static_cast<size_t>(order.front())].pts >= packets.front().pts;
}

} // namespace

VideoIndex index_by_packets(MediaInput &input, const MediaLimits &limits) {
    VideoIndex index;
    const AVStream &stream = input.stream();
    const AVCodecID codec = stream.codecpar->codec_id;
    if (!packets_are_frames(input.format_name().c_str(), codec)) return index;
    FfmpegPtr<AVPacket> packet(allocated(av_packet_alloc()));
    int64_t place = 0;
    bool timed = true;
    while (input.next(*packet)) {
        check_count(input, index.packets.size() + 1, limits);
        timed = timed && packet->pts != AV_NOPTS_VALUE;
        if (packet->flags & AV_PKT_FLAG_CORRUPT) ++index.errors;
        index.packets.push_back({packet->pts, place, shows_picture(*packet, codec), is_restart(*packet, stream)});
        place += packet->size;
    }
    index.broken_off = incompleteness(input, index.packets.size());
    index.frame_packets = in_order_of_time(index.packets);
    index.by_time = timed && !index.frame_packets.empty() && starts_cleanly(index.packets, index.frame_packets);
    if (!index.by_time) {
        index.packets.clear();
        index.frame_packets.clear();
    }
    for (int64_t p : index.frame_packets) {
        index.frame_seconds.push_back(seconds_of(index.packets[static_cast<size_t>(p)].pts, stream));
    }
    return index;
}

VideoIndex index_by_decoding(MediaInput &input, const MediaLimits &limits) {
    VideoIndex index;
    const AVStream &stream = input.stream();
    VideoDecoder decoder(stream, input.name(), limits);
    decoder.count_only();
    const auto count = [&](const AVFrame &frame) {
        check_count(input, index.frame_seconds.size() + 1, limits);
        index.frame_seconds.push_back(seconds_of(frame.best_effort_timestamp, stream));
    };
    FfmpegPtr<AVPacket> packet(allocated(av_packet_alloc()));
    while (input.next(*packet)) {
        if (packet->flags & AV_PKT_FLAG_CORRUPT) ++index.errors;
        decoder.feed(*packet, true, count);
    }
    decoder.drain(count);
    index.errors += decoder.errors();
    index.broken_off = input.broken_off();
    return index;
}

std::vector<PacketRange> packets_to_decode(const VideoIndex &index, const std::vector<int64_t> &frames) {
    const auto packet = [&](int64_t i) -> const VideoPacket & { return index.packets[static_cast<size_t>(i)]; };
    std::vector<int64_t> restarts;
    for (int64_t i = 0; i < static_cast<int64_t>(index.packets.size()); ++i) {
        if (packet(i).restart) restarts.push_back(i);
    }
    std::vector<PacketRange> ranges;
    for (int64_t frame : frames) {
        const int64_t target = index.frame_packets[static_cast<size_t>(frame)];
        // A picture that precedes a restart in time but follows it in decoding may refer to what came before it. The
        // first packet of all is a restart, and nothing is shown before it.
        auto begin = std::upper_bound(restarts.begin(), restarts.end(), target) - 1;
        while (begin != restarts.begin() && packet(*begin).pts > packet(target).pts)
            --begin;
        ranges.push_back({*begin, target + 1});
    }
    std::sort(ranges.begin(), ranges.end(), [](const auto &a, const auto &b) { return a.begin < b.begin; });
    std::vector<PacketRange> merged;
    for (const PacketRange &range : ranges) {
        if (!merged.empty() && range.begin <= merged.back().end) {
            merged.back().end = std::max(merged.back().end, range.end);
        } else {
            merged.push_back(range);
        }
    }
    return merged;
}

} // namespace afnet

#endif
