#include "bench/codegen/code_figures.h"

#include <set>
#include <tuple>

namespace afnet {

namespace {

class Counter {
public:
    void add(const AsmInstruction &instruction, const InstructionKind &kind) {
        counts_.instructions++;
        counts_.of_class[size_t(kind.kind)]++;
        if (kind.kind == InstructionClass::Fma) counts_.fma[instruction.name]++;
        if (kind.vector_bits > 0) counts_.widths[kind.vector_bits]++;
        if (kind.reads && kind.kind != InstructionClass::Load) counts_.memory_operands++;
        registers_.insert(kind.vector_registers.begin(), kind.vector_registers.end());
        if (!kind.frame) return;
        counts_.spill_stores += kind.writes;
        counts_.spill_loads += kind.reads;
        if (!kind.vector_registers.empty()) counts_.vector_spills += size_t(kind.writes) + size_t(kind.reads);
    }
    CodeCounts finish() {
        counts_.vector_registers = registers_.size();
        return counts_;
    }

private:
    CodeCounts counts_;
    std::set<int> registers_;
};

LoopFigures loop_figures(const AsmFunction &function, const std::vector<InstructionKind> &kinds, const InnerLoop &loop,
                         Counter &inner) {
    LoopFigures figures;
    figures.function = function.name;
    figures.begin = loop.instructions.front();
    figures.depth = loop.depth;
    figures.blocks = loop.blocks;
    Counter counter;
    for (size_t i : loop.instructions) {
        counter.add(function.instructions[i], kinds[i]);
        inner.add(function.instructions[i], kinds[i]);
        figures.text.push_back(function.instructions[i].text);
        if (kinds[i].kind == InstructionClass::Fma) figures.fma_bits += kinds[i].vector_bits;
    }
    figures.counts = counter.finish();
    return figures;
}

size_t main_of(const std::vector<LoopFigures> &loops) {
    const auto weight = [](const LoopFigures &loop) {
        const CodeCounts &c = loop.counts;
        size_t vectors = 0;
        for (const auto &[bits, count] : c.widths)
            vectors += count;
        return std::make_tuple(loop.fma_bits, c.of(InstructionClass::Fma), vectors, c.instructions);
    };
    size_t best = size_t(-1);
    for (size_t i = 0; i < loops.size(); i++) {
        if (best == size_t(-1) || weight(loops[best]) < weight(loops[i])) best = i;
    }
    return best;
}

} // namespace

int CodeCounts::dominant_width() const {
    int best = 0;
    size_t most = 0;
    for (const auto &[bits, count] : widths) {
        if (count >= most) {
            best = bits;
            most = count;
        }
    }
    return best;
}

CodeFigures figures_of_assembly(const std::string &text, Isa isa) {
    CodeFigures figures;
    Counter all, inner;
    for (const AsmFunction &function : parse_assembly(text, isa)) {
        const std::set<std::string> frame = frame_registers(function, isa);
        std::vector<InstructionKind> kinds;
        for (const AsmInstruction &instruction : function.instructions) {
            kinds.push_back(kind_of(instruction, isa, frame));
            all.add(instruction, kinds.back());
        }
        for (const InnerLoop &loop : innermost_loops_of(function, kinds))
            figures.loops.push_back(loop_figures(function, kinds, loop, inner));
    }
    figures.all = all.finish();
    figures.inner = inner.finish();
    figures.main = main_of(figures.loops);
    return figures;
}

} // namespace afnet
