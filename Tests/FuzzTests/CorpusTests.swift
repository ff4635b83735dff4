import Glibc
import Testing

@testable import FuzzTargets

/// Each fuzz target over its seeds in Fuzz/Corpus, without a fuzzer: what `make fuzz` begins with holds.
@Suite("fuzz targets")
struct CorpusTests {
    private static let root = #filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined() + "/Fuzz/Corpus"

    @Test("every seed keeps its parser's promises", arguments: FuzzTarget.all.map(\.name))
    func seeds(name: String) throws {
        let target = try #require(FuzzTarget.all.first { $0.name == name })
        let files = Self.files(Self.root + "/" + name)
        #expect(!files.isEmpty, "put a seed into Fuzz/Corpus/\(name)")
        for file in files {
            let bytes = try #require(Self.bytes("\(Self.root)/\(name)/\(file)"))
            for input in [bytes, Array(bytes.dropLast(bytes.count / 2)), Array(bytes.reversed())] {
                #expect(throws: Never.self, "\(name)/\(file)") { try target.run(input) }
            }
        }
    }

    @Test("no two targets share a name, and every folder of seeds has its target")
    func names() {
        let names = FuzzTarget.all.map(\.name)
        #expect(Set(names).count == names.count)
        #expect(Set(Self.files(Self.root)).subtracting(names) == [])
    }

    private static func files(_ folder: String) -> [String] {
        guard let directory = opendir(folder) else { return [] }
        defer { closedir(directory) }
        var found: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            if !name.hasPrefix(".") { found.append(name) }
        }
        return found.sorted()
    }

    private static func bytes(_ path: String) -> [UInt8]? {
        guard let file = fopen(path, "r") else { return nil }
        defer { fclose(file) }
        var piece = [UInt8](repeating: 0, count: 1 << 16)
        var bytes: [UInt8] = []
        while true {
            let count = fread(&piece, 1, piece.count, file)
            if count == 0 { return bytes }
            bytes += piece[..<count]
        }
    }
}
