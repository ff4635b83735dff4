package import CommandTemplates
internal import MusterCore
internal import MusterJSON
package import MusterWire

/// What all tasks of a job of `exec` have in common: its params.
package struct ExecTask: Sendable {
    /// Seconds that a command which is ended has after SIGTERM. 0…3,600.
    package var killAfter = 5.0
    /// Bytes of each of its two outputs that come back. 0…`ExecKernel.outputBytesMax`.
    package var outputMax = 256 << 10
    package let template: CommandTemplate
    /// `NAME=VALUE` each, in the order of their names.
    package var variables: [[UInt8]] = []
    package var input: [UInt8] = []
    /// Each task's own input is its command's standard input; the command has no values then.
    package var takesInput = false
    /// Processes that a command may have at one time. 1…`processesBound`; nil: as many as the system lets it.
    package var processesMax: Int?
    package static let processesBound = 100_000
    /// Nil: its tasks have no files.
    package var files: TaskFileOrder?
    /// The image that its tasks run in; empty: they run in none.
    package private(set) var image = ""
    package private(set) var hasNetwork = false

    /// Throws a 422 for params that are wrong or unknown.
    package init(params: JSONFields) throws(Problem) {
        var fields = params
        template = try Self.template(&fields)
        if let value = fields.value("env") { variables = try Self.variables(value) }
        if let value = fields.value("stdin") {
            takesInput = value.string == "value"
            if !takesInput { input = try Self.input(value) }
        }
        processesMax = try fields.int("pids", in: 1...Self.processesBound)
        killAfter = try fields.double("killAfter", in: 0...3_600) ?? killAfter
        outputMax = try fields.int("outputMax", in: 0...ExecKernel.outputBytesMax) ?? outputMax
        files = try TaskFileOrder(&fields)
        image = try fields.string("image", bytesMax: 512) ?? ""
        guard image.isEmpty || ContainerTask.isImageName(image) else {
            throw Problem(422, "\"image\" is no image's name: \(image.prefix(80)).", code: "field")
        }
        hasNetwork = try fields.bool("network") ?? false
        guard !hasNetwork || !image.isEmpty else {
            throw Problem(422, "\"network\" is for tasks with an \"image\"; others have the worker's.", code: "field")
        }
        try fields.finish()
    }

    private static func template(_ fields: inout JSONFields) throws(Problem) -> CommandTemplate {
        let (shell, command) = (fields.value("shell"), fields.value("command"))
        switch (shell, command) {
        case (let shell?, nil):
            guard let text = shell.textBytes else { throw wrong("shell", "a text", shell) }
            return try template { () throws(TemplateError) in try CommandTemplate(shell: text) }
        case (nil, let command?):
            guard let words = command.elements, !words.isEmpty else {
                throw wrong("command", "a list of texts, the program first", command)
            }
            var arguments: [[UInt8]] = []
            for word in words {
                guard let text = word.textBytes else { throw wrong("command", "a list of texts", word) }
                arguments.append(text)
            }
            return try template { () throws(TemplateError) in try CommandTemplate(arguments: arguments) }
        case (nil, nil), (.some, .some):
            throw Problem(
                422, "The kernel \"exec\" needs either \"shell\", a text, or \"command\", a list of texts.",
                code: "field")
        }
    }

    private static func template(
        _ make: () throws(TemplateError) -> CommandTemplate
    ) throws(Problem) -> CommandTemplate {
        do throws(TemplateError) {
            return try make()
        } catch {
            throw Problem(422, "\(error)", code: "field")
        }
    }

    private static func variables(_ value: JSONValue) throws(Problem) -> [[UInt8]] {
        guard let members = value.members else { throw wrong("env", "an object of texts", value) }
        guard members.count <= ExecKernel.variablesMax else {
            throw Problem(
                422, "\"env\" has \(members.count) entries; at most \(ExecKernel.variablesMax).", code: "field")
        }
        var found: [(name: String, entry: [UInt8])] = []
        for (name, value) in members {
            guard let text = value.textBytes, !text.contains(0) else {
                throw wrong("env.\(name.prefix(80))", "a text without a zero byte", value)
            }
            guard !name.isEmpty, !name.utf8.contains(UInt8(ascii: "=")), !name.utf8.contains(0) else {
                throw Problem(
                    422, "A name in \"env\" is empty, or holds an equals sign or a zero byte.", code: "field")
            }
            guard !name.hasPrefix("MUSTER_") else {
                throw Problem(
                    422, "\"env\" names \(name.prefix(80)): what begins with MUSTER_ is Muster's.", code: "field")
            }
            let entry = Array("\(name)=".utf8) + text
            guard entry.count <= CommandTemplate.argumentBytesMax else {
                throw Problem(
                    422,
                    "\"env.\(name.prefix(80))\" has \(entry.count) bytes; at most \(CommandTemplate.argumentBytesMax).",
                    code: "field")
            }
            found.append((name, entry))
        }
        return found.sorted { $0.name < $1.name }.map(\.entry)
    }

    /// `"value"` means what each task has of its own; that very text is written `{"base64":"dmFsdWU="}`.
    private static func input(_ value: JSONValue) throws(Problem) -> [UInt8] {
        guard let text = value.textBytes else { throw wrong("stdin", "a text", value) }
        return text
    }

    private static func wrong(_ name: String, _ wanted: String, _ value: JSONValue) -> Problem {
        Problem(422, "\"\(name)\" must be \(wanted), not \(JSONFields.shown(value)).", code: "field")
    }
}
