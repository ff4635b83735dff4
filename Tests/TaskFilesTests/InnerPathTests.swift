import TaskFiles
import Testing

/// Paths that stay inside a folder.
@Suite struct InnerPathTests {
    private func path(_ text: String) throws -> InnerPath { try InnerPath(Array(text.utf8)) }

    @Test(arguments: [
        ("a", "a"), ("./a//b/./c/", "a/b/c"), (".", "."), ("", "."), ("./", "."), ("...", "..."),
        ("a/..b/.c", "a/..b/.c"),
        ("a b/\u{fc}", "a b/\u{fc}"),
    ])
    func oneSpelling(_ text: String, _ shown: String) throws {
        #expect(try path(text).description == shown)
        #expect(try path(text).isRoot == (shown == "."))
    }

    @Test(arguments: [
        ("/a", PathTrouble.absolute), ("/", .absolute), ("..", .leadsOut), ("a/../b", .leadsOut), ("a/..", .leadsOut),
        ("a\0b", .nul), (String(repeating: "x", count: 256), .tooLong),
        (String(repeating: "x/", count: 65), .tooLong),
        (String(repeating: String(repeating: "x", count: 200) + "/", count: 11), .tooLong),
    ])
    func whatLeadsOutIsNone(_ text: String, _ trouble: PathTrouble) {
        #expect(throws: trouble) { try path(text) }
    }

    @Test func bytesNeedNotBeText() throws {
        let path = try InnerPath([0x61, 0x2F, 0xFF, 0xFE])
        #expect(Array(path.name) == [0xFF, 0xFE] && path.folder.bytes == [0x61])
    }

    @Test func foldersOnTheWay() throws {
        #expect(try path("a/b/c").folders == [path("a"), path("a/b")])
        #expect(try path("a").folders.isEmpty && path("a").folder.isRoot)
        #expect(try path("a").appending(path("b/c")) == path("a/b/c"))
        #expect(try InnerPath.root.appending(path("b")) == path("b"))
        #expect(try path("a").appending(.root) == path("a"))
    }

    @Test(arguments: [
        ("data/a.png", "data/a.png"), ("/srv/data/./x/a.png", "x/a.png"), ("../in/./a.png", "a.png"), ("./a", "a"),
        ("a/./b/./c", "b/c"), ("a/./", "."), (".", "."),
    ])
    func aFileArrivesAsItWasGiven(_ text: String, _ shown: String) throws {
        let given = try GivenPath(Array(text.utf8))
        #expect(given.path.description == shown && given.place == Array(text.utf8))
    }

    @Test(arguments: [
        ("/srv/data/a.png", "/srv/data/./a.png to send it along as a.png"), ("../a/", ".././a to send it along as a"),
        ("..", "go to the folder"), ("/", "go to the folder"), ("a/..", "go to the folder"),
    ])
    func whoIsRefusedIsToldWhatToWrite(_ text: String, _ advice: String) {
        #expect(throws: PathTrouble.self) { try GivenPath(Array(text.utf8)) }
        #expect(GivenPath.advice(for: Array(text.utf8)).contains(advice))
    }
}
