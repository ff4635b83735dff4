import MusterRoleCommands
import Testing

@testable import MusterCommandLine
@testable import MusterCommands

/// `--host`, given once, several times, or by its variable.
@Suite struct HostFlagTests {
    private func hosts(_ words: [String], _ environment: [String: String] = [:]) throws -> [String] {
        let table = CommandTable(program: "muster", version: "1", summary: "", commands: [OriginCommand.command])
        guard case .run(_, let arguments) = try table.parse(["origin"] + words, environment: environment) else {
            throw SampleTable.NotACommand()
        }
        #expect(arguments[CommonFlags.host] == arguments[CommonFlags.hosts].first)
        return arguments[CommonFlags.hosts]
    }

    @Test func inTheOrderGiven() throws {
        #expect(try hosts([]) == ["127.0.0.1"])
        #expect(try hosts(["--host", "::"]) == ["::"])
        #expect(try hosts(["--host", "::1", "--host=10.0.0.1"]) == ["::1", "10.0.0.1"])
        #expect(try hosts([], ["MUSTER_HOST": "0.0.0.0,::1"]) == ["0.0.0.0", "::1"])
        #expect(try hosts(["--host", "::"], ["MUSTER_HOST": "0.0.0.0"]) == ["::"])
    }
}
