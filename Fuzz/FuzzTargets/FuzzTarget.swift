// What a fuzzer feeds, a target for each parser of bytes that come from outside or from the disk. Each is a function from any
// bytes to nothing that must not trap, and throws where a promise of the parser does not hold.
//
// `make fuzz` runs them under libFuzzer and the address sanitizer; FuzzTests runs each over its seeds in Fuzz/Corpus.

/// A parser, and what it promises whatever it is given.
package struct FuzzTarget: Sendable {
    /// In small letters, with dashes; the folder of its seeds has the same.
    package let name: String
    /// Throws a `BrokenPromise`.
    package let run: @Sendable ([UInt8]) throws -> Void

    package init(_ name: String, _ run: @escaping @Sendable ([UInt8]) throws -> Void) {
        (self.name, self.run) = (name, run)
    }

    package static let all: [FuzzTarget] =
        json + wire + fileLists + fields + caching + addresses + lineReaders + http + events + disk + engine + kernels
        + roles
        + commands + runs + input + templates
}

/// A promise that does not hold for some input.
package struct BrokenPromise: Error, CustomStringConvertible {
    package let description: String
}

/// Throws where a promise does not hold.
func promise(_ holds: Bool, _ what: @autoclosure () -> String) throws(BrokenPromise) {
    if !holds { throw BrokenPromise(description: what()) }
}

/// Pieces of bytes, as they may come from a socket: of one byte each, or by sizes that the bytes themselves choose.
func pieces(_ bytes: [UInt8], single: Bool) -> [[UInt8]] {
    var found: [[UInt8]] = []
    var rest = bytes[...]
    while let first = rest.first {
        let piece = rest.prefix(single ? 1 : Int(first % 13) + 1)
        found.append(Array(piece))
        rest = rest.dropFirst(piece.count)
    }
    return found
}

/// The lines of some bytes, each as it is.
func lineList(_ bytes: [UInt8]) -> [[UInt8]] {
    bytes.split(separator: 0x0A, omittingEmptySubsequences: false).map(Array.init)
}

/// The first line, and all behind it.
func firstLine(_ bytes: [UInt8]) -> (first: [UInt8], rest: [UInt8]) {
    let end = bytes.firstIndex(of: 0x0A) ?? bytes.endIndex
    return (Array(bytes[..<end]), Array(bytes[end...].dropFirst()))
}

func plainText(_ bytes: some Sequence<UInt8>) -> String { String(decoding: Array(bytes), as: UTF8.self) }
