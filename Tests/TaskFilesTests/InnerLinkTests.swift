import TaskFiles
import Testing

/// Links that stay inside of a tree.
@Suite struct InnerLinkTests {
    private func stays(_ target: String, at path: String) throws -> Bool {
        InnerLink.staysInside(Array(target.utf8), at: try InnerPath(Array(path.utf8)))
    }

    @Test(arguments: [
        ("b", "a"), ("./b/c", "a"), ("../b", "x/a"), ("..", "x/a"), (".", "a"), ("../../y", "x/z/a"), ("nowhere", "a"),
        ("a", "a"),
    ])
    func inside(_ target: String, _ path: String) throws {
        #expect(try stays(target, at: path))
    }

    /// Behind a name, `..` would depend on where that leads: with `b` a link to `.`, `b/..` is outside.
    @Test(arguments: [
        ("/etc/passwd", "a"), ("..", "a"), ("../b", "a"), ("../../b", "x/a"), ("b/..", "a"), ("b/../c", "x/a"),
        ("../x/../..", "x/a"), ("", "a"), ("a\0b", "a"), (String(repeating: "x", count: 3_000), "a"),
    ])
    func outside(_ target: String, _ path: String) throws {
        #expect(try !stays(target, at: path))
    }
}
