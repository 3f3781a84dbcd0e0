#include "runtime/safetensors_header.h"

#include <limits>
#include <set>

#include "runtime/error.h"
#include "runtime/json.h"
#include "runtime/text.h"

namespace afnet {

namespace {

using Json = nlohmann::json;

// Takes the parser's events one by one, so that a hostile header is refused at its first wrong token and costs no more
// memory than its entries. The form is three levels deep (file, entry, list of numbers): anything deeper, and anything
// out of place, is refused where it begins.
class HeaderEvents final : public nlohmann::json_sax<Json> {
public:
    HeaderEvents(const std::string &path, SafetensorsHeader &header) : path_(path), header_(header) {}

    bool null() override { return misplaced("null"); }
    bool boolean(bool) override { return misplaced("a boolean"); }
    bool number_float(double, const std::string &digits) override { return misplaced("the number " + digits); }
    bool number_integer(int64_t value) override { return misplaced("the number " + std::to_string(value)); }
    bool binary(Json::binary_t &) override { return misplaced("binary data"); }
    bool number_unsigned(uint64_t value) override;
    bool string(std::string &value) override;
    bool key(std::string &name) override;
    bool start_object(size_t) override;
    bool end_object() override;
    bool start_array(size_t) override;
    bool end_array() override;
    bool parse_error(size_t position, const std::string &, const nlohmann::detail::exception &) override;

private:
    enum class Place { file, header, metadata, entry, list };

    [[noreturn]] void refuse(const std::string &what, const std::string &expected) const {
        throw Error(path_ + ": " + what + "; " + expected +
                    " expected. Write the file again with a safetensors library");
    }
    bool misplaced(const std::string &what) const;
    std::string where() const;
    void enter_tensor(std::string &name);
    void enter_field(const std::string &name);

    const std::string &path_;
    SafetensorsHeader &header_;
    std::set<std::string> names_;
    Place place_ = Place::file;
    bool metadata_next_ = false, metadata_seen_ = false; // the value to come is the metadata; it has been there
    std::string key_;                                    // of the value to come, in metadata or an entry
    bool dtype_seen_ = false, shape_seen_ = false, offsets_seen_ = false;
    size_t offsets_ = 0; // numbers read of data_offsets
};

std::string HeaderEvents::where() const {
    if (place_ == Place::file) return "the header";
    if (place_ == Place::metadata) return "metadata " + printable(key_);
    if (place_ == Place::header)
        return metadata_next_ ? "__metadata__" : "tensor " + printable(header_.entries.back().name);
    return printable(key_) + " of tensor " + printable(header_.entries.back().name);
}

bool HeaderEvents::misplaced(const std::string &what) const {
    const char *expected = "an object";
    if (place_ == Place::metadata) expected = "text";
    if (place_ == Place::entry) expected = key_ == "dtype" ? "text" : "a list of whole numbers";
    if (place_ == Place::list) expected = "a whole number from 0 to 9223372036854775807";
    refuse(where() + " holds " + what, expected);
}

bool HeaderEvents::number_unsigned(uint64_t value) {
    if (place_ != Place::list || value > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
        return misplaced("the number " + std::to_string(value));
    }
    SafetensorsEntry &entry = header_.entries.back();
    if (key_ == "shape") {
        if (entry.shape.size() == safetensors_max_rank) refuse(where() + " is longer than 8", "a rank of at most 8");
        entry.shape.push_back(static_cast<int64_t>(value));
        return true;
    }
    if (offsets_ == 2) refuse(where() + " is longer than 2", "[begin, end]");
    (offsets_++ == 0 ? entry.begin : entry.end) = value;
    return true;
}

bool HeaderEvents::string(std::string &value) {
    if (place_ == Place::metadata) {
        header_.metadata[key_] = std::move(value);
    } else if (place_ == Place::entry && key_ == "dtype") {
        header_.entries.back().dtype = std::move(value);
    } else {
        return misplaced("the text " + printable(value));
    }
    return true;
}

bool HeaderEvents::key(std::string &name) {
    if (place_ == Place::entry) {
        enter_field(name);
        return true;
    }
    if (name.size() > safetensors_max_name_bytes) {
        refuse("the name " + printable(name) + " is " + std::to_string(name.size()) + " bytes long", "at most 1024");
    }
    if (place_ == Place::header) {
        enter_tensor(name);
        return true;
    }
    if (header_.metadata.count(name)) refuse("metadata " + printable(name) + " appears twice", "one value for a name");
    key_ = std::move(name);
    return true;
}

void HeaderEvents::enter_tensor(std::string &name) {
    metadata_next_ = name == "__metadata__";
    if (metadata_next_) {
        if (metadata_seen_) refuse("__metadata__ appears twice", "at most one");
        metadata_seen_ = true;
        return;
    }
    if (!names_.insert(name).second) refuse("tensor " + printable(name) + " appears twice", "one tensor for a name");
    header_.entries.emplace_back();
    header_.entries.back().name = std::move(name);
    dtype_seen_ = shape_seen_ = offsets_seen_ = false;
    offsets_ = 0;
}

void HeaderEvents::enter_field(const std::string &name) {
    key_ = name;
    bool *seen = nullptr;
    if (name == "dtype") seen = &dtype_seen_;
    if (name == "shape") seen = &shape_seen_;
    if (name == "data_offsets") seen = &offsets_seen_;
    if (!seen) refuse("unknown field " + where(), "dtype, shape and data_offsets");
    if (*seen) refuse(where() + " appears twice", "one");
    *seen = true;
}

bool HeaderEvents::start_object(size_t) {
    if (place_ == Place::file) {
        place_ = Place::header;
    } else if (place_ == Place::header) {
        place_ = metadata_next_ ? Place::metadata : Place::entry;
    } else {
        return misplaced("an object");
    }
    return true;
}

bool HeaderEvents::end_object() {
    if (place_ == Place::entry && !(dtype_seen_ && shape_seen_ && offsets_seen_)) {
        const char *missing = !dtype_seen_ ? "dtype" : !shape_seen_ ? "shape" : "data_offsets";
        refuse("tensor " + printable(header_.entries.back().name) + " has no " + missing,
               "dtype, shape and data_offsets");
    }
    place_ = place_ == Place::header ? Place::file : Place::header;
    return true;
}

bool HeaderEvents::start_array(size_t) {
    if (place_ != Place::entry || key_ == "dtype") return misplaced("a list");
    place_ = Place::list;
    return true;
}

bool HeaderEvents::end_array() {
    if (key_ == "data_offsets" && offsets_ != 2) {
        refuse(where() + " has " + std::to_string(offsets_) + " numbers", "[begin, end]");
    }
    place_ = Place::entry;
    return true;
}

bool HeaderEvents::parse_error(size_t position, const std::string &, const nlohmann::detail::exception &) {
    refuse("the header is not JSON at its byte " + std::to_string(position), "a JSON object");
}

} // namespace

SafetensorsHeader parse_safetensors_header(const std::string &path, const char *text, size_t size) {
    const auto refuse = [&](const std::string &what, const char *expected) {
        throw Error(path + ": " + what + "; " + expected + " expected. The file is damaged or no safetensors file");
    };
    const std::string_view view(text, size);
    if (view.empty() || view.front() != '{') refuse("the header does not start with '{'", "a JSON object");
    if (!is_utf8(view)) refuse("the header is not UTF-8", "UTF-8 text");
    // The parser would take a NUL for the end of the text and leave unread what follows.
    if (view.find('\0') != view.npos) {
        refuse("the header holds a NUL at its byte " + std::to_string(view.find('\0')), "a JSON object and spaces");
    }
    SafetensorsHeader header;
    HeaderEvents events(path, header);
    try {
        Json::sax_parse(text, text + size, &events);
    } catch (const nlohmann::detail::exception &e) {
        refuse(std::string("the header cannot be parsed: ") + e.what(), "a JSON object");
    }
    return header;
}

} // namespace afnet
