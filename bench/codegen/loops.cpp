#include "bench/codegen/loops.h"

#include <algorithm>
#include <map>
#include <set>

namespace afnet {

namespace {

constexpr size_t kNone = size_t(-1);

struct Block {
    size_t begin = 0, end = 0; // instructions
    std::vector<size_t> to, from;
};

std::vector<Block> blocks_of(const AsmFunction &function, const std::vector<InstructionKind> &kinds) {
    const size_t count = kinds.size();
    std::set<size_t> begins = {0};
    for (const auto &[label, place] : function.labels)
        begins.insert(place);
    for (size_t i = 0; i < count; i++) {
        if (kinds[i].ends_path || !kinds[i].target.empty()) begins.insert(i + 1);
    }
    begins.erase(begins.lower_bound(count), begins.end());
    std::vector<Block> blocks;
    std::map<size_t, size_t> block_at;
    for (auto begin = begins.begin(); begin != begins.end(); ++begin) {
        const auto next = std::next(begin);
        block_at[*begin] = blocks.size();
        Block block;
        block.begin = *begin;
        block.end = next == begins.end() ? count : *next;
        blocks.push_back(block);
    }
    for (size_t b = 0; b < blocks.size(); b++) {
        const InstructionKind &last = kinds[blocks[b].end - 1];
        if (!last.ends_path && b + 1 < blocks.size()) blocks[b].to.push_back(b + 1);
        const auto label = function.labels.find(last.target);
        if (label != function.labels.end() && label->second < count) blocks[b].to.push_back(block_at[label->second]);
        for (size_t to : blocks[b].to)
            blocks[to].from.push_back(b);
    }
    return blocks;
}

// Blocks that the entry reaches, each behind all that lead to it but by loops.
std::vector<size_t> reverse_postorder(const std::vector<Block> &blocks) {
    std::vector<size_t> order;
    std::vector<char> seen(blocks.size(), 0);
    std::vector<std::pair<size_t, size_t>> path = {{0, 0}}; // block, next of its successors
    seen[0] = 1;
    while (!path.empty()) {
        auto &[block, next] = path.back();
        if (next == blocks[block].to.size()) {
            order.push_back(block);
            path.pop_back();
            continue;
        }
        const size_t to = blocks[block].to[next++];
        if (seen[to]) continue;
        seen[to] = 1;
        path.push_back({to, 0});
    }
    std::reverse(order.begin(), order.end());
    return order;
}

// Each block's immediate dominator (Cooper, Harvey, Kennedy, "A Simple, Fast Dominance Algorithm"); kNone: not reached.
std::vector<size_t> dominators(const std::vector<Block> &blocks, const std::vector<size_t> &order) {
    std::vector<size_t> place(blocks.size(), kNone), idom(blocks.size(), kNone);
    for (size_t i = 0; i < order.size(); i++)
        place[order[i]] = i;
    idom[0] = 0;
    const auto meet = [&](size_t a, size_t b) {
        while (a != b) {
            while (place[a] > place[b])
                a = idom[a];
            while (place[b] > place[a])
                b = idom[b];
        }
        return a;
    };
    for (bool changed = true; changed;) {
        changed = false;
        for (size_t block : order) {
            if (block == 0) continue;
            size_t found = kNone;
            for (size_t from : blocks[block].from) {
                if (idom[from] == kNone) continue;
                found = found == kNone ? from : meet(from, found);
            }
            if (found == idom[block]) continue;
            idom[block] = found;
            changed = true;
        }
    }
    return idom;
}

bool dominates(const std::vector<size_t> &idom, size_t a, size_t b) {
    while (b != a && b != 0)
        b = idom[b];
    return a == b;
}

// Loops by their head: all blocks from which a jump back is reached without passing the head.
std::map<size_t, std::set<size_t>> natural_loops(const std::vector<Block> &blocks, const std::vector<size_t> &idom) {
    std::map<size_t, std::set<size_t>> loops;
    for (size_t tail = 0; tail < blocks.size(); tail++) {
        if (idom[tail] == kNone) continue;
        for (size_t head : blocks[tail].to) {
            if (!dominates(idom, head, tail)) continue;
            std::set<size_t> &body = loops[head];
            body.insert(head);
            std::vector<size_t> open = {tail};
            while (!open.empty()) {
                const size_t block = open.back();
                open.pop_back();
                if (idom[block] == kNone || !body.insert(block).second) continue;
                open.insert(open.end(), blocks[block].from.begin(), blocks[block].from.end());
            }
        }
    }
    return loops;
}

} // namespace

std::vector<InnerLoop> innermost_loops_of(const AsmFunction &function, const std::vector<InstructionKind> &kinds) {
    if (kinds.empty()) return {};
    const std::vector<Block> blocks = blocks_of(function, kinds);
    const auto loops = natural_loops(blocks, dominators(blocks, reverse_postorder(blocks)));
    std::vector<InnerLoop> found;
    for (const auto &[head, body] : loops) {
        bool inner = true;
        InnerLoop loop;
        for (const auto &[other, around] : loops) {
            if (other == head) continue;
            inner &= body.count(other) == 0;
            loop.depth += around.count(head) > 0 ? 1 : 0;
        }
        if (!inner) continue;
        loop.blocks = body.size();
        for (size_t block : body) {
            for (size_t i = blocks[block].begin; i < blocks[block].end; i++)
                loop.instructions.push_back(i);
        }
        found.push_back(std::move(loop));
    }
    std::sort(found.begin(), found.end(),
              [](const InnerLoop &a, const InnerLoop &b) { return a.instructions[0] < b.instructions[0]; });
    return found;
}

} // namespace afnet
