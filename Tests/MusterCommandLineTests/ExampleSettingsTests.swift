import FoundationEssentials
import Testing

@testable import MusterCommandLine
@testable import MusterCommands

/// The files of settings that services begin with.
@Suite struct ExampleSettingsTests {
    static func text(_ name: String) throws -> String {
        let root = #filePath.components(separatedBy: "/Tests/")[0]
        return String(
            decoding: try Data(contentsOf: URL(filePath: "\(root)/deploy/systemd/\(name).conf")), as: UTF8.self)
    }

    /// As they are, and with any one setting chosen.
    @Test(arguments: ["coordinator", "worker", "origin", "edge"]) func eachSettingIsAGoodOne(_ name: String) throws {
        let text = try Self.text(name)
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        let choices = lines.indices.filter { lines[$0].hasPrefix("#") && !lines[$0].hasPrefix("# ") }
        #expect(choices.count > 3)
        let words = [name, "--config", "f"] + (name == "edge" ? ["--id", "1"] : [])
        for choice in [nil] + choices.map({ Optional($0) }) {
            // Certificate and key go together.
            let isTLS = choice.map { lines[$0].hasPrefix("#tls-c") || lines[$0].hasPrefix("#tls-key") } ?? false
            let chosen = lines.indices.map { place in
                let isChosen =
                    place == choice || (isTLS && lines[place].hasPrefix("#tls-") && !lines[place].contains("-ca"))
                return isChosen ? lines[place].dropFirst() : lines[place]
            }
            let request = try MusterCommand.table.parse(words, environment: [:]) { path throws(CommandError) in
                try Settings(
                    path: path, bytes: Array(chosen.joined(separator: "\n").utf8), exposure: "has the mode 0644")
            }
            guard case .run = request else {
                Issue.record("\(name) does not run")
                return
            }
        }
    }
}
