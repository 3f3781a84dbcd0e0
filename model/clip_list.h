// Lists of labelled clips, and what lies beside them: names of classes, true key frames. docs/formats.md says how they
// are written.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "model/synthetic_clip.h"

namespace afnet {

/// One line of a list.
struct ListedClip {
    std::string path;   // to open: a video, or a folder of frames
    int label = 0;      // from 0
    int64_t frames = 0; // that the list says there are; 0: it does not say
    std::string name;   // the path as the list has it
};

/// Reads a list with lines `path label` or `path frames label`; a line is of the second kind where its last two fields
/// are numbers and something is before them. Paths may hold spaces; relative ones start at `root`, or at the list's
/// folder where that is empty. Throws Error, with file and line, for a line that is neither, a label that is no whole
/// number from 0 to 99999, or a number of frames below 1; and where the list cannot be read or is empty.
std::vector<ListedClip> read_clip_list(const std::string &path, const std::string &root = "");

/// Removes clips of which the list says that they have fewer than `least` frames, as the authors' program does with 3.
/// Gives back how many.
size_t drop_short_clips(std::vector<ListedClip> &clips, int64_t least);

/// The classes' names, by label, from the first that is there of `classes.txt`, `labels.txt` and `category.txt` beside
/// the list; empty where none is. Throws Error where the file cannot be read, is no UTF-8, or has empty lines but at
/// its end.
std::vector<std::string> class_names(const std::string &list_path);

/// The true key frames of a data set, as `afnet synth` writes them.
struct KeyFrames {
    int frames = 0;                                // T that they are numbered by
    int hold = 1;                                  // times that the videos show each of these
    std::map<std::string, std::vector<int>> clips; // ListedClip::name to key frames, ascending, below `frames`
};

/// Reads `key_frames.json` beside the list; nothing where there is no such file. Throws Error where it is malformed.
std::optional<KeyFrames> key_frames(const std::string &list_path);

/// The true key patches of a data set whose classes are written somewhere in frames, as `afnet synth` writes them.
struct KeyPatches {
    int frames = 0;                                     // T that their frames are numbered by
    int hold = 1;                                       // times that the videos show each of these
    int grid = 1;                                       // cells across and down a frame
    std::map<std::string, std::vector<KeyPatch>> clips; // by ListedClip::name
};

/// Reads `key_patches.json` beside the list; nothing where there is no such file. Throws Error where it is malformed.
std::optional<KeyPatches> key_patches(const std::string &list_path);

} // namespace afnet
