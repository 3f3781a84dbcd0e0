// Assembly text of both architectures: what instructions are, which loops are innermost, what is spilled there.
#include <catch2/catch.hpp>
#include <numeric>

#include "bench/codegen/code_figures.h"

using namespace afnet;

namespace {

// A loop over channels with a loop over the reduction inside, whose second block comes first in the text; values that
// do not fit in registers; an error at the end.
const char *const kX86 = R"(
	.file	"kernel.cpp"
	.section	.text.kernel,"ax",@progbits
	.globl	kernel                          # -- Begin function kernel
kernel:                                 # @kernel
# %bb.0:                                # %entry
	pushq	%rbp
	subq	$128, %rsp
	movq	%rdi, 8(%rsp)                   # 8-byte Spill
.LBB0_1:                                # %outer
	vxorps	%xmm0, %xmm0, %xmm0
	jmp	.LBB0_3
	.p2align	4
.LBB0_2:                                # %inner
	vbroadcastss	-64(%r12), %zmm31
	vmovups	(%r9,%rsi,8), %zmm30
	vfmadd231ps	%zmm30, %zmm31, %zmm28  # zmm28 = (zmm31 * zmm30) + zmm28
	vfmadd231ps	(%rax){1to16}, %zmm30, %zmm27
	vfmadd231ps	64(%rsp), %zmm30, %zmm26 # 64-byte Folded Reload
	vmovups	%zmm26, 64(%rsp)                # 64-byte Spill
	vmovups	(%rsp,%rsi), %zmm3
	addq	$16, %rsi
	cmpq	16(%rsp), %rsi                  # 8-byte Folded Reload
	je	.LBB0_4
.LBB0_3:
	prefetchnta	(%rdx)
	jmp	.LBB0_2
.LBB0_4:
	vmovups	%zmm28, (%rdi)
	vaddss	%xmm1, %xmm2, %xmm2
	decq	%rcx
	jne	.LBB0_1
	addq	$128, %rsp
	popq	%rbp
	vzeroupper
	retq
.LBB0_5:
	jmp	halide_error_bad_type@PLT       # TAILCALL
.Lfunc_end0:
	.size	kernel, .Lfunc_end0-kernel
	.section	.rodata
table:
	.long	1
)";

const char *const kArm = R"(
	.globl	kernel                          // -- Begin function kernel
kernel:                                 // @kernel
// %bb.0:                               // %entry
	stp	x29, x30, [sp, #-16]!           // 16-byte Folded Spill
	mov	x29, sp
	str	d14, [sp, #-144]!               // 8-byte Folded Spill
.LBB0_1:
	ld1r	{ v10.4s }, [x28], #4
	ldp	q9, q12, [x27, #-48]
	ldr	q3, [x29, #32]                  // 16-byte Folded Reload
	ldr	s11, [x27, #256]
	fmla	v28.4s, v9.4s, v11.s[0]
	fmla	v27.4s, v12.4s, v10.4s
	fmadd	s0, s1, s2, s3
	str	q28, [sp, #16]                  // 16-byte Folded Spill
	str	q27, [sp, x8, lsl #4]
	fadd	v3.2s, v3.2s, v4.2s
	prfm	pldl1strm, [x9]
	cmp	x26, #1024
	b.ne	.LBB0_1
// %bb.2:
	bl	halide_free
	ldp	x29, x30, [sp], #16             // 16-byte Folded Reload
	cbz	w0, .LBB0_3
	b	halide_error_access_out_of_bounds
.LBB0_3:
	ret
)";

InstructionKind kind(const std::string &line, Isa isa) {
    const auto functions = parse_assembly("f:\n\t" + line + "\n", isa);
    REQUIRE(functions.size() == 1);
    REQUIRE(functions[0].instructions.size() == 1);
    return kind_of(functions[0].instructions[0], isa, {});
}

size_t sum_of_classes(const CodeCounts &counts) {
    return std::accumulate(counts.of_class.begin(), counts.of_class.end(), size_t(0));
}

} // namespace

TEST_CASE("functions, labels and operands are read from assembly", "[codegen]") {
    const auto functions = parse_assembly(kX86, Isa::X86);
    REQUIRE(functions.size() == 1); // data are no function
    CHECK(functions[0].name == "kernel");
    CHECK(functions[0].labels.at(".LBB0_2") == 5);
    CHECK(functions[0].instructions[6].operands == std::vector<std::string>{"(%r9,%rsi,8)", "%zmm30"});
    CHECK(functions[0].instructions[7].text == "vfmadd231ps %zmm30, %zmm31, %zmm28");
    const auto arm = parse_assembly(kArm, Isa::Arm);
    REQUIRE(arm.size() == 1);
    CHECK(arm[0].instructions[3].operands == std::vector<std::string>{"{ v10.4s }", "[x28]", "#4"});
    const auto prefixed = parse_assembly("f:\n\tlock\t\tincl\t(%rax)\n\trep;stosq\t%al, %es:(%rdi)\n"
                                         "\t{vex}\tvpdpbusd\t%ymm1, %ymm2, %ymm3\n",
                                         Isa::X86);
    REQUIRE(prefixed[0].instructions.size() == 3);
    CHECK(prefixed[0].instructions[0].name == "incl");
    CHECK(prefixed[0].instructions[1].name == "stosq");
    CHECK(prefixed[0].instructions[2].name == "vpdpbusd");
    CHECK(parse_assembly("", Isa::X86).empty());
    CHECK(parse_assembly("\tnop\n", Isa::X86).empty()); // in no function
}

TEST_CASE("instructions of x86 have their class", "[codegen]") {
    using C = InstructionClass;
    const std::vector<std::pair<const char *, C>> cases = {
        {"vfmadd213ps\t(%rax), %ymm1, %ymm2", C::Fma},
        {"vfnmadd231ss\t%xmm0, %xmm1, %xmm2", C::Fma},
        {"vdpbf16ps\t(%rdi){1to16}, %zmm1, %zmm2", C::Fma},
        {"tdpbf16ps\t%tmm5, %tmm4, %tmm3", C::Fma},
        {"tileloadd\t(%rdi,%rsi), %tmm4", C::Load},
        {"tilestored\t%tmm3, (%rdi,%rsi)", C::Store},
        {"vbroadcastss\t(%rax), %zmm1", C::Load},
        {"vbroadcastss\t%xmm1, %zmm1", C::Vector},
        {"movups\t%xmm1, (%rax)", C::Store},
        {"movq\t8(%rax), %rcx", C::Load},
        {"movl\t$7, 8(%rax)", C::Store},
        {"movl\t$7, %eax", C::Scalar},
        {"vmovss\t(%rax), %xmm0", C::Load},
        {"vpabsd\t%zmm1, %zmm2", C::Vector},
        {"vpsrad\t$2, %ymm1, %ymm2", C::Vector},
        {"vsubsd\t%xmm1, %xmm2, %xmm3", C::Scalar},
        {"vcvtsi2ss\t%eax, %xmm2, %xmm3", C::Scalar},
        {"vcvtdq2ps\t%ymm2, %ymm3", C::Vector},
        {"vmaxps\t%zmm0, %zmm15, %zmm15", C::Vector},
        {"kmovw\t%k1, %eax", C::Vector},
        {"vextractf128\t$1, %ymm0, (%rax)", C::Store},
        {"leaq\t8(%rsp), %rax", C::Scalar},
        {"addq\t%rax, 8(%rsp)", C::Scalar},
        {"idivl\t8(%rsp)", C::Scalar},
        {"jne\t.LBB0_1", C::Branch},
        {"jmpq\t*%rax", C::Branch},
        {"jmp\thalide_error@PLT", C::Call},
        {"callq\t*8(%rax)", C::Call},
        {"prefetcht0\t(%rax)", C::Prefetch},
    };
    for (const auto &[line, expected] : cases) {
        INFO(line);
        CHECK(class_name(kind(line, Isa::X86).kind) == std::string(class_name(expected)));
    }
    CHECK(kind("addq\t%rax, 8(%rsp)", Isa::X86).reads);
    CHECK(kind("addq\t%rax, 8(%rsp)", Isa::X86).writes);
    CHECK_FALSE(kind("idivl\t8(%rsp)", Isa::X86).writes);
    CHECK_FALSE(kind("leaq\t8(%rsp), %rax", Isa::X86).frame);
    CHECK(kind("vmovups\t(%rax), %ymm17", Isa::X86).vector_registers == std::set<int>{17});
    CHECK(kind("vaddps\t%zmm1, %zmm2, %zmm3 {%k1} {z}", Isa::X86).vector_bits == 512);
    CHECK(kind("vaddss\t%xmm1, %xmm2, %xmm3", Isa::X86).vector_bits == 0);
}

TEST_CASE("instructions of arm-64 have their class", "[codegen]") {
    using C = InstructionClass;
    const std::vector<std::pair<const char *, C>> cases = {
        {"fmla\tv28.4s, v9.4s, v11.s[0]", C::Fma},
        {"fmls\tv1.2d, v2.2d, v3.2d", C::Fma},
        {"fmadd\ts0, s1, s2, s3", C::Fma},
        {"bfdot\tv0.4s, v1.8h, v2.2h[1]", C::Fma},
        {"ldp\tq9, q12, [x29, #-48]", C::Load},
        {"ld1r\t{ v10.4s }, [x28], #4", C::Load},
        {"str\tq3, [x0]", C::Store},
        {"st1\t{ v0.s }[1], [x8]", C::Store},
        {"fadd\tv0.4s, v1.4s, v2.4s", C::Vector},
        {"movi\tv0.2d, #0000000000000000", C::Vector},
        {"fadd\ts0, s1, s2", C::Scalar},
        {"madd\tx18, x15, x13, x14", C::Scalar},
        {"bic\tw9, w10, w9", C::Scalar},
        {"b.lt\t.LBB0_14", C::Branch},
        {"tbnz\tw8, #3, .LBB0_14", C::Branch},
        {"ret", C::Branch},
        {"b\thalide_error", C::Call},
        {"blr\tx8", C::Call},
        {"prfm\tpldl1keep, [x8]", C::Prefetch},
    };
    for (const auto &[line, expected] : cases) {
        INFO(line);
        CHECK(class_name(kind(line, Isa::Arm).kind) == std::string(class_name(expected)));
    }
    CHECK(kind("ldp\tq9, q12, [x29, #-48]", Isa::Arm).vector_registers == std::set<int>{9, 12});
    CHECK(kind("ldp\tq9, q12, [x29, #-48]", Isa::Arm).vector_bits == 128);
    CHECK(kind("fmul\tv0.2s, v1.2s, v2.2s", Isa::Arm).vector_bits == 64);
    CHECK(kind("fadd\ts0, s1, s2", Isa::Arm).vector_bits == 0);
    CHECK(kind("ret", Isa::Arm).ends_path);
    CHECK_FALSE(kind("cbz\tw0, .LBB0_1", Isa::Arm).ends_path);
}

TEST_CASE("the innermost loop is found where its blocks are out of order", "[codegen]") {
    const CodeFigures figures = figures_of_assembly(kX86, Isa::X86);
    REQUIRE(figures.loops.size() == 1);
    const LoopFigures &loop = *figures.main_loop();
    CHECK(loop.depth == 2);
    CHECK(loop.blocks == 2);
    CHECK(loop.text.front() == "vbroadcastss -64(%r12), %zmm31");
    CHECK(loop.text.back() == "jmp .LBB0_2");
    CHECK(loop.counts.instructions == 12);
    CHECK(loop.counts.of(InstructionClass::Fma) == 3);
    CHECK(loop.counts.of(InstructionClass::Load) == 3);
    CHECK(loop.counts.of(InstructionClass::Store) == 1);
    CHECK(loop.counts.of(InstructionClass::Prefetch) == 1);
    CHECK(loop.fma_bits == 3 * 512);
    CHECK(loop.counts.vector_registers == 6);
    CHECK(figures.all.of(InstructionClass::Call) == 1);
    CHECK(figures.all.dominant_width() == 512);
    CHECK(figures.all.fma == std::map<std::string, size_t>{{"vfmadd231ps", 3}});
    CHECK(sum_of_classes(figures.all) == figures.all.instructions);
    CHECK(sum_of_classes(loop.counts) == loop.counts.instructions);
}

TEST_CASE("spills are accesses to fixed places of the frame, in loops", "[codegen]") {
    const CodeFigures x86 = figures_of_assembly(kX86, Isa::X86);
    CHECK(x86.inner.spill_stores == 1);
    CHECK(x86.inner.spill_loads == 2); // one within a multiply-add, one within a comparison; an array's is none
    CHECK(x86.inner.vector_spills == 2);
    CHECK(x86.inner.memory_operands == 3);
    const CodeFigures arm = figures_of_assembly(kArm, Isa::Arm);
    REQUIRE(arm.loops.size() == 1);
    CHECK(arm.inner.spill_stores == 1);
    CHECK(arm.inner.spill_loads == 1); // through x29
    CHECK(arm.inner.of(InstructionClass::Fma) == 3);
    CHECK(arm.all.dominant_width() == 128);
    CHECK(arm.all.of(InstructionClass::Call) == 2);
    CHECK(sum_of_classes(arm.all) == arm.all.instructions);
}

TEST_CASE("a register is the frame's only where nothing else writes it", "[codegen]") {
    const auto loop = [](const std::string &before) {
        return "f:\n\tpushq\t%rbp\n\tmovq\t%rsp, %rbp\n" + before +
               ".LBB0_1:\n\tvmovups\t-64(%rbp), %ymm0\n\tdecq\t%rax\n\tjne\t.LBB0_1\n\tpopq\t%rbp\n\tretq\n";
    };
    CHECK(figures_of_assembly(loop(""), Isa::X86).inner.spill_loads == 1);
    CHECK(figures_of_assembly(loop("\tmovq\t%rdi, %rbp\n"), Isa::X86).inner.spill_loads == 0);
}

TEST_CASE("loops within others, side by side, and none", "[codegen]") {
    const std::string text = "f:\n"
                             ".L1:\n\tnop\n"
                             ".L2:\n\tvaddps\t%ymm0, %ymm1, %ymm2\n\tjne\t.L2\n"
                             ".L3:\n\tvfmadd231ps\t%ymm0, %ymm1, %ymm2\n\tje\t.L4\n\tnop\n"
                             ".L4:\n\tjne\t.L3\n"
                             "\tjne\t.L1\n\tretq\n"
                             ".L5:\n\tnop\n\tjmp\t.L5\n"; // reached by nothing
    const CodeFigures figures = figures_of_assembly(text, Isa::X86);
    REQUIRE(figures.loops.size() == 2);
    CHECK(figures.loops[0].counts.instructions == 2);
    CHECK(figures.loops[1].counts.instructions == 4);
    CHECK(figures.loops[1].depth == 2);
    CHECK(figures.main == 1); // it multiplies
    const CodeFigures straight = figures_of_assembly("f:\n\tje\t.L1\n\tnop\n.L1:\n\tretq\n", Isa::X86);
    CHECK(straight.loops.empty());
    CHECK(straight.main_loop() == nullptr);
}
