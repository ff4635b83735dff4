import Testing

@testable import MusterCommandLine
@testable import MusterCommands
@testable import MusterSystem

@Suite struct BuildStampTests {
    static let stamps: [(bytes: String, commit: String?)] = [
        (String(repeating: ".", count: 40), nil),
        ("0c3f" + String(repeating: ".", count: 36), "0c3f"),
        ("0c3f+" + String(repeating: ".", count: 35), "0c3f+"),
        (String(repeating: "a", count: 40), String(repeating: "a", count: 40)),
    ]

    @Test(arguments: stamps)
    func aCommitEndsAtTheFirstDot(bytes: String, commit: String?) {
        #expect(BuildStamp.commit(of: Array(bytes.utf8)) == commit)
    }

    @Test func theBuildIsTold() {
        #expect(BuildStamp.description(commit: "0c3f", kind: "release") == "commit 0c3f, release build")
        #expect(BuildStamp.description(commit: nil, kind: "debug") == "commit unknown, debug build")
        #expect(MusterCommand.table.build == BuildStamp.description)
    }

    @Test @MainActor func theVersionSaysIt() async throws {
        let table = CommandTable(
            program: "muster", version: "9.9", build: "commit 0c3f, release build", summary: "a sample.", commands: [])
        let said = try await RunnerTests.run(["--version"], table)
        #expect(said == (.success, "muster 9.9 (commit 0c3f, release build)\n"))
    }
}
