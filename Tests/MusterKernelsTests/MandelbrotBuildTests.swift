import Glibc
import Testing

@testable import MusterKernels

#if arch(x86_64)
    /// What the build made of the kernel: its objects, and how it behaves on other processors.
    @Suite("mandelbrot: instruction sets", .serialized)
    struct MandelbrotBuildTests {
        private static let sets = ["MandelbrotBaseline", "MandelbrotAVX2", "MandelbrotAVX512"]

        private static func find(_ program: String) -> String? {
            ["/usr/bin/", "/usr/local/bin/", "/bin/"].map { $0 + program }.first { access($0, X_OK) == 0 }
        }

        /// The directory of this test program, where the build leaves everything.
        private static let products: String = {
            var path = [CChar](repeating: 0, count: 4_096)
            let count = readlink("/proc/self/exe", &path, path.count - 1)
            let text = String(decoding: path.prefix(max(0, count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
            return text.split(separator: "/").dropLast().map { "/" + $0 }.joined()
        }()

        private static func lines(of command: String) throws -> [Substring] {
            let pipe = try #require(popen(command, "r"))
            var bytes: [UInt8] = []
            var piece = [UInt8](repeating: 0, count: 65_536)
            while case let count = fread(&piece, 1, piece.count, pipe), count > 0 { bytes += piece[..<count] }
            try #require(pclose(pipe) == 0, "\(command)")
            return String(decoding: bytes, as: UTF8.self).split(separator: "\n")
        }

        /// Defined symbols of a set's object: the letter of their kind and the name.
        private static func symbols(_ set: String) throws -> [(kind: Substring, name: Substring)] {
            let nm = try #require(find("nm"))
            return try lines(of: "\(nm) --defined-only \(products)/\(set).build/EscapeKernel.swift.o").map { line in
                let words = line.split(separator: " ")
                return (words[words.count - 2], words[words.count - 1])
            }
        }

        @Test("no code that the linker could take for another set", .enabled(if: find("nm") != nil, "nm is missing"))
        func weakSymbols() throws {
            for set in Self.sets {
                let symbols = try Self.symbols(set)
                // Data, the same in every object: how Swift's metadata are laid out, and a pointer that sanitizers add.
                let harmless = ["__swift_reflection_version", "DW.ref.__gcc_personality_v0"]
                let weak = symbols.filter { "VvWwu".contains($0.kind) && !harmless.contains(String($0.name)) }
                #expect(weak.isEmpty, "\(set): \(weak.map(\.name))")
                let exported = symbols.filter { $0.kind == "T" }
                #expect(exported.count == 1 && exported[0].name.contains("escapeCounts"), "\(set): \(exported)")
            }
        }

        @Test("each set uses its registers", .enabled(if: find("objdump") != nil, "objdump is missing"))
        func registers() throws {
            let objdump = try #require(Self.find("objdump"))
            for (set, has, hasNot) in [
                ("MandelbrotBaseline", "xmm", "%ymm"), ("MandelbrotAVX2", "vfmadd", "%zmm"),
                ("MandelbrotAVX512", "%zmm", "(bad)"),
            ] {
                let code = try Self.lines(
                    of: "\(objdump) -d --no-show-raw-insn \(Self.products)/\(set).build/EscapeKernel.swift.o")
                #expect(code.contains { $0.contains(has) }, "\(set) without \(has)")
                #expect(!code.contains { $0.contains(hasNot) }, "\(set) with \(hasNot)")
            }
        }

        @Test(
            "the same bytes on other processors",
            .enabled(if: find("qemu-x86_64") != nil, "qemu-x86_64 is missing (package qemu-user)"),
            .enabled(if: getenv("TSAN_OPTIONS") == nil, "the sanitizer's memory does not fit the emulator"),
            arguments: [("Nehalem", "baseline"), ("Haswell", "avx2")])
        func emulated(processor: String, set: String) throws {
            let qemu = try #require(Self.find("qemu-x86_64"))
            let program = "\(Self.products)/MandelbrotDigest"
            let here = try Self.lines(of: program)
            let there = try Self.lines(of: "\(qemu) -cpu \(processor) \(program) 2>/dev/null")
            #expect(there.first == "\(set)")
            #expect(here.count == 8)
            #expect(there.dropFirst() == here.dropFirst())
        }

        @Test("the environment chooses a set that the processor has", arguments: InstructionSet.supported)
        func environment(set: InstructionSet) throws {
            let program = "\(Self.products)/MandelbrotDigest"
            let chosen = try Self.lines(of: "MUSTER_KERNEL_ISA=\(set.rawValue) \(program)")
            #expect(chosen.first == "\(set.rawValue)")
            let free = try Self.lines(of: "MUSTER_KERNEL_ISA=other \(program)")
            #expect(free.first == "\(InstructionSet.supported.last!.rawValue)")
            #expect(free.dropFirst() == chosen.dropFirst())
        }
    }
#endif
