internal import CommandTemplates
internal import Glibc
internal import MusterCommandLine
internal import MusterCore

/// Standard input in blocks of whole lines, each for one command: `--pipe`.
package struct BlockReader {
    /// Of one block: in Base64 it is not longer than a task's input may be.
    package static let bytesMax = (Limits.valueBytesMax - 16) / 4 * 3
    /// Where nothing is said.
    package static let bytesDefault = 512 << 10

    let bytes: Int
    let separator: ValueSplitter.Separator

    /// Throws a `CommandError` for values beside the input, or a terminal.
    @MainActor init(_ words: RunWords, _ flags: RunFlags, bytes: Int) throws(CommandError) {
        (self.bytes, separator) = (bytes, flags.isNullSeparated ? .nul : .newline)
        guard words.sources.isEmpty else {
            throw .usage("--pipe gives standard input to the commands: there are no values beside it")
        }
        if isatty(STDIN_FILENO) == 1 { throw .usage("--pipe cuts standard input, and that is a terminal") }
    }

    /// Calls with each block. Blocks the main thread.
    func readBlocks(_ body: ([UInt8]) throws -> Void) throws {
        var splitter = BlockSplitter(separator, size: bytes, bytesMax: Self.bytesMax)
        try InputPieces.read("-") { piece in
            let blocks: [[UInt8]]
            do throws(CommandTemplates.ValueError) { blocks = try splitter.feed(piece) } catch {
                throw CommandError(.data, "standard input: \(error)")
            }
            for block in blocks { try body(block) }
        }
        for block in splitter.finish() { try body(block) }
    }
}
