import Glibc
import MusterCrypto
import MusterSystem
import Testing

@testable import MusterFileCache

@Suite struct DigestBesideTests {
    /// None, one piece, which needs no thread, and more than may wait at a time.
    @Test(arguments: [0, 1, 2, 40]) func itIsThatOfAllPieces(_ count: Int) throws {
        let pieces = (0..<count).map { piece in
            (0..<50_000 + piece).map { UInt8(truncatingIfNeeded: ($0 + piece) &* 2_654_435_761 >> 7) }
        }
        let sum = DigestBeside()
        for var piece in pieces {
            try sum.add(&piece)
            // What is left is the caller's own.
            piece.removeAll(keepingCapacity: true)
            piece.append(contentsOf: [UInt8](repeating: 9, count: 60_000))
        }
        #expect(sum.finish() == SHA256.digest(of: Array(pieces.joined())))
    }

    /// One that was begun and is not asked for leaves no thread behind.
    @Test func droppedInTheMiddle() throws {
        let before = threads()
        for _ in 0..<50 {
            let sum = DigestBeside()
            for _ in 0..<3 {
                var piece = [UInt8](repeating: 1, count: 100_000)
                try sum.add(&piece)
            }
        }
        // Other tests have threads of their own, but not fifty more.
        for _ in 0..<1_000 where threads() >= before + 40 { usleep(5_000) }
        #expect(threads() < before + 40)
    }

    private func threads() -> Int { listDirectory("/proc/self/task").count }
}
