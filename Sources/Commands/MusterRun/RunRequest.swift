internal import CommandTemplates
internal import MusterAPI
package import MusterCommandLine
package import MusterCore
internal import MusterJSON
internal import MusterScheduling
internal import RunRules

/// How the commands of a run are to run: what of the flags goes to the coordinator.
package struct RunRequest: Hashable, Sendable {
    /// Of each stream of one task: its value has to stay below 1 MiB.
    package static let outputBytesMax = 512 << 10
    static let kernel = "exec"

    package var name: String?
    package var isInteractive = false
    package var atMost: Int?
    package var attempts = 1
    package var timeout: Duration?
    package var killAfter: Duration?
    /// At least so long between two starts.
    package var startDelay: Duration?
    package var outputMax: Int?
    /// When the fleet ends the job before its end; nil: never.
    var halt: HaltRule.Condition?
    /// Processes of one command at one time.
    package var processesMax: Int?
    /// Each task's input is its command's standard input.
    package var takesBlocks = false
    package var environment: [KeyValue] = []
    /// What each command takes of its worker; nil: one cpu and nothing else.
    package var needs: Needs?
    package var failsIfImpossible = false
    /// The image that each command runs in; nil: none.
    package var image: String?
    package var hasNetwork = false
    package var terms = JobTerms()
    /// What the params say of files; nil: the tasks have none.
    var files: [UInt8]?

    package init() {}

    /// `NAME=VALUE` as it is, `NAME` with its value here; the last one of a name counts. Throws a `CommandError`.
    package static func environment(
        _ given: [String], of here: [String: String]
    ) throws(CommandError) -> [KeyValue] {
        var found: [KeyValue] = []
        for text in given {
            let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard !parts[0].isEmpty else {
                throw .usage("--env: \(CommandError.quoted(text)) has no name before its =")
            }
            found.removeAll { $0.key == parts[0] }
            guard let value = parts.count > 1 ? parts[1] : here[parts[0]] else {
                throw .usage("--env \(parts[0]): there is no such variable here; give it as \(parts[0])=VALUE")
            }
            found.append(KeyValue(parts[0], value))
        }
        return found
    }

    /// The request, without tasks.
    func job(_ template: CommandTemplate) -> JobRequest {
        var request = JobRequest(kernel: Self.kernel, params: params(template), count: 0, attemptsMax: attempts)
        request.priority = isInteractive ? .interactive : .batch
        request.atMost = atMost
        request.timeoutSeconds = timeout.map(\.inSeconds)
        request.name = name ?? Self.name(of: template)
        (request.startDelay, request.halt) = (startDelay, halt)
        (request.needs, request.failsIfImpossible) = (needs, failsIfImpossible)
        terms.apply(to: &request)
        return request
    }

    private func params(_ template: CommandTemplate) -> [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        switch template.form {
        case .shell(let text):
            json.key("shell")
            json.text(text)
        case .arguments(let words):
            json.key("command")
            json.beginArray()
            for word in words { json.text(word) }
            json.endArray()
        }
        if !environment.isEmpty {
            json.key("env")
            json.beginObject()
            for variable in environment {
                json.key(named: variable.key)
                json.value(variable.value)
            }
            json.endObject()
        }
        if let killAfter { json.field("killAfter", killAfter.inSeconds) }
        if let outputMax { json.field("outputMax", outputMax) }
        if let processesMax { json.field("pids", processesMax) }
        if takesBlocks { json.field("stdin", "value") }
        if let files { json.field("files", raw: files) }
        if let image { json.field("image", image) }
        if hasNetwork { json.field("network", true) }
        json.endObject()
        return json.bytes
    }

    /// The first word of the command, without its folder; nothing that a name may not hold.
    static func name(of template: CommandTemplate) -> String {
        let text: [UInt8] =
            switch template.form {
            case .shell(let text): text
            case .arguments(let words): words[0]
            }
        let word = text.drop { $0 <= 0x20 }.prefix { $0 > 0x20 && !";&|()<>".utf8.contains($0) }
        let last = word.lastIndex(of: UInt8(ascii: "/")).map { word[($0 + 1)...] } ?? word
        var name = Terminal.clean(String(decoding: last, as: UTF8.self))
        while name.utf8.count > Limits.nameBytesMax { name.removeLast() }
        return name.allSatisfy(\.isWhitespace) ? "" : name
    }
}
