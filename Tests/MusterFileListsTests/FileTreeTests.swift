import MusterAPI
import MusterCrypto
import MusterFileLists
import MusterJSON
import MusterWire
import TaskFiles
import Testing

/// Lists of folders and of files.
@Suite struct FileTreeTests {
    private func path(_ text: String) throws -> InnerPath { try InnerPath(Array(text.utf8)) }
    private let digest = FileDigest(bytes: SHA256.digest(of: [1]))

    @Test func aListReadsBackTheSame() throws {
        let tree = try FileTree([
            .init(path("b/run"), .file(digest, size: 0, isProgram: true)), .init(path("b"), .folder),
            .init(path("a b\n"), .file(digest, size: 1 << 40, isProgram: false)),
            .init(path("b/link"), .link(to: Array("../a b\n".utf8))), .init(InnerPath([0xFF]), .folder),
        ])
        #expect(tree.entries.map(\.path.description) == ["a b?", "b", "b/link", "b/run", "\u{FFFD}"])
        let bytes = tree.bytes
        #expect(try FileTree(reading: bytes) == tree)
        #expect(
            bytes.starts(with: "muster-files 1\nf 1099511627776 \(digest) a b\n\0d b\0l b/link\0../a b\n\0x 0 ".utf8))
        #expect(try FileTree(reading: FileTree([]).bytes).entries.isEmpty)
    }

    @Test(arguments: [
        "", "muster-files 2\n", "muster-files 1\nd a", "muster-files 1\nd ..\0", "muster-files 1\nd /a\0",
        "muster-files 1\nd ./a\0", "muster-files 1\nd a/b\0", "muster-files 1\nd b\0d a\0",
        "muster-files 1\nd a\0d a\0",
        "muster-files 1\nl a\0../x\0", "muster-files 1\nl a\0/etc\0", "muster-files 1\nl a\0",
        "muster-files 1\nl a\0b\0d a/c\0",
        "muster-files 1\nf 1 x a\0", "muster-files 1\nf 01 HASH a\0", "muster-files 1\nf -1 HASH a\0",
        "muster-files 1\nf 1 HASH a\0f 1 HASH a/b\0", "muster-files 1\nq a\0", "muster-files 1\nf 1 HASH\0",
    ])
    func whatIsNoListIsRefused(_ text: String) {
        let text = text.split(separator: "HASH", omittingEmptySubsequences: false).joined(separator: digest.description)
        #expect(throws: Problem.self) { try FileTree(reading: Array(text.utf8)) }
    }

    @Test func itemsReadBackTheSame() throws {
        let items = [
            FileItem(path: try path("a"), digest: digest, size: 7),
            FileItem(path: try InnerPath([0xFF]), kind: .program, digest: digest, size: 0),
            FileItem(path: .root, kind: .folder, digest: digest, size: 15),
        ]
        let input = TaskInput(value: try JSONValue(parsing: Array(#"["x",{"base64":"/w=="}]"#.utf8)), files: items)
        let read = try #require(try TaskInput(JSONValue(parsing: input.bytes)))
        #expect(read.files == items && read.value.bytes.elementsEqual(input.value.bytes))
        for text in [#""x""#, #"{"base64":"/w=="}"#, "[]", "3"] {
            #expect(try TaskInput(JSONValue(parsing: Array(text.utf8))) == nil)
        }
    }

    @Test(arguments: [
        #"{"files":[]}"#, #"{"value":"x","files":3}"#, #"{"value":"x","files":[],"more":1}"#,
        #"{"value":"x","files":[{"path":"../a","sha256":"HASH","size":1}]}"#,
        #"{"value":"x","files":[{"path":"a","sha256":"1","size":1}]}"#,
        #"{"value":"x","files":[{"path":"a","sha256":"HASH","size":-1}]}"#,
        #"{"value":"x","files":[{"path":".","sha256":"HASH","size":1}]}"#,
        #"{"value":"x","files":[{"path":"a","sha256":"HASH","size":1,"kind":"pipe"}]}"#,
        #"{"value":"x","files":[{"path":"a","sha256":"HASH"}]}"#,
    ])
    func whatIsNoInputIsRefused(_ text: String) throws {
        let text = text.split(separator: "HASH", omittingEmptySubsequences: false).joined(separator: digest.description)
        #expect(throws: Problem.self) { try TaskInput(JSONValue(parsing: Array(text.utf8))) }
    }
}
