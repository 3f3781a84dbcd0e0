// Letters of 5 x 7 dots, so that pictures can carry text without a font file.
#pragma once

#include <array>
#include <cstdint>
#include <string>

namespace afnet {

constexpr int kGlyphWidth = 5;   // dots
constexpr int kGlyphHeight = 7;  // dots
constexpr int kGlyphAdvance = 6; // dots from one letter to the next

/// The dots of one letter: a row each from top to bottom, bit 4 the leftmost.
using Glyph = std::array<uint8_t, kGlyphHeight>;

/// The letter for an ASCII character; that of '?' for any other.
const Glyph &glyph(char character);

/// How many dots below the top of the line the letter begins: 2 for letters with a tail, 0 for the others.
int glyph_drop(char character);

/// `text` in UTF-8 with every character that has no letter here replaced by one '?'.
std::string ascii_only(const std::string &text);

} // namespace afnet
