import TaskFiles
import Testing

/// Tasks that would return the same name.
@Suite struct NameCollisionsTests {
    private func found(_ tasks: [[String]]) throws -> NameCollisions.Collision? {
        let names = try tasks.map { try $0.map { try InnerPath(Array($0.utf8)) } }
        var collisions = NameCollisions()
        for one in names { collisions.add(one) }
        return collisions.find { names[$0] }
    }

    @Test func noneAmongDifferentNames() throws {
        #expect(try found([]) == nil)
        #expect(try found([["a", "b"], ["c"], [], ["a.b", "d/a", "d/b"], ["d.x"]]) == nil)
        #expect(try found((0..<20_000).map { ["out/\($0)", "log/\($0)"] }) == nil)
    }

    @Test func theFirstOfThemIsNamed() throws {
        let one = try #require(try found([["x"], ["a", "b"], ["c", "b"], ["x"]]))
        #expect((one.first, one.second, one.name.description) == (1, 2, "b"))
        var many = (0..<10_000).map { ["\($0)"] }
        many[9_000] = ["77"]
        many[5_000] = ["4000"]
        let first = try #require(try found(many))
        #expect((first.first, first.second, first.name.description) == (4_000, 5_000, "4000"))
        let same = try #require(try found([["a"], ["b", "./b"]]))
        #expect((same.first, same.second) == (1, 1))
        #expect(try found(Array(repeating: ["same"], count: 1_000))?.second == 1)
    }

    @Test(arguments: [[["out"], ["out/a"]], [["out/x/a"], ["other"], ["out"]], [["out", "out/a"]]])
    func belowAnothersNameIsOneToo(_ tasks: [[String]]) throws {
        #expect(try found(tasks) != nil)
    }
}
