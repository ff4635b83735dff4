internal import CProcessor
internal import Glibc
internal import MandelbrotBaseline

#if arch(x86_64)
    internal import MandelbrotAVX2
    internal import MandelbrotAVX512
#endif

/// A build of the escape kernel. All give the same values; they differ in speed.
package enum InstructionSet: String, CaseIterable, Sendable {
    /// What every processor of the architecture has. On x86-64 the fused operations are exact but slow then.
    case baseline
    case avx2
    case avx512

    /// What this processor and its operating system can run, slowest first.
    package static let supported: [InstructionSet] = allCases.filter { set in
        switch set {
        case .baseline: true
        case .avx2: muster_has_avx2() != 0
        case .avx512: muster_has_avx512() != 0
        }
    }

    /// The one in use: the best supported, or the one that `MUSTER_KERNEL_ISA` names if it is supported.
    package static let chosen: InstructionSet = {
        let wanted = getenv("MUSTER_KERNEL_ISA").flatMap { InstructionSet(rawValue: String(cString: $0)) }
        return wanted.flatMap { supported.contains($0) ? $0 : nil } ?? supported.last ?? .baseline
    }()

    /// The escape iterations of some rows of a picture, row by row from the top; 0 is inside.
    ///
    /// Returns false, with `counts` filled in part, as soon as `isCancelled` answers yes. It is asked every fraction of a
    /// millisecond, on the calling thread. `counts` has room for width x rows, `orbits` for twice as many: where each escaped
    /// point was then. The set must be supported.
    package func escapeCounts(
        _ picture: Picture, rows: Range<Int>, counts: UnsafeMutablePointer<UInt32>,
        orbits: UnsafeMutablePointer<Double>? = nil, isCancelled: () -> Bool
    ) -> Bool {
        withoutActuallyEscaping(isCancelled) { ask in
            withUnsafePointer(to: ask) { question in
                run(picture, rows: rows, counts: counts, orbits: orbits, context: UnsafeRawPointer(question)) {
                    $0.assumingMemoryBound(to: (() -> Bool).self).pointee()
                }
            }
        }
    }

    private func run(
        _ picture: Picture, rows: Range<Int>, counts: UnsafeMutablePointer<UInt32>,
        orbits: UnsafeMutablePointer<Double>?, context: UnsafeRawPointer,
        isCancelled: @convention(c) (UnsafeRawPointer) -> Bool
    ) -> Bool {
        let function =
            switch self {
            #if arch(x86_64)
                case .avx2: MandelbrotAVX2.escapeCounts
                case .avx512: MandelbrotAVX512.escapeCounts
            #endif
            default: MandelbrotBaseline.escapeCounts
            }
        return function(
            picture.re, picture.im, picture.span / Double(picture.wholeWidth),
            Double(picture.firstColumn) + 0.5 - Double(picture.wholeWidth) / 2,
            Double(picture.height) / 2 - Double(rows.lowerBound) - 0.5, picture.width, picture.escape, rows.count,
            counts, orbits, context, isCancelled)
    }
}
