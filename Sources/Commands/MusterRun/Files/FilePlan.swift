internal import CommandTemplates
internal import Glibc
internal import MusterCommandLine
internal import MusterFileLists
internal import TaskFiles

/// Which files a run's tasks have and return: templates, before there is anything of them.
struct FilePlan: Sendable {
    struct Returned: Sendable {
        var path: TextTemplate
        var name: TextTemplate?
    }

    /// The same for all tasks, and for each its own.
    private(set) var common: [TextTemplate] = []
    private(set) var own: [TextTemplate] = []
    private(set) var returned: [Returned] = []
    let folder: TextTemplate?
    /// A task has several values of the one source: what it sends is a file for each.
    private let hasGroups: Bool

    /// Throws a usage error for flags that mean nothing.
    init(_ flags: RunFileFlags, valuesEach: Int? = nil) throws(CommandError) {
        hasGroups = (valuesEach ?? 1) > 1
        folder = try flags.folder.map { text throws(CommandError) in try Self.template(text, "--workdir") }
        for text in flags.sent {
            let template = try Self.template(text, "--send")
            if template.hasPlaceholders { own.append(template) } else { common.append(template) }
        }
        guard flags.names.isEmpty || flags.names.count == flags.returned.count else {
            throw .usage(
                "--return-as stands \(flags.names.count) times, and --return \(flags.returned.count): each names what the"
                    + " --return at the same place brings")
        }
        for (place, text) in flags.returned.enumerated() {
            let name = try flags.names.isEmpty ? nil : Self.template(flags.names[place], "--return-as")
            returned.append(Returned(path: try Self.template(text, "--return"), name: name))
        }
        for (count, flag) in [(flags.sent.count, "--send"), (returned.count, "--return")]
        where count > FileItem.countMax {
            throw .usage("\(flag) stands \(count) times; at most \(FileItem.countMax): a folder holds many files")
        }
    }

    private static func template(_ text: String, _ flag: String) throws(CommandError) -> TextTemplate {
        let template: TextTemplate
        do throws(TemplateError) { template = try TextTemplate(Array(text.utf8)) } catch {
            throw .usage("\(flag): \(error)")
        }
        guard !template.hasSlot else {
            throw .usage("\(flag): {%} is the slot that runs a task, which nobody knows before; use {#}")
        }
        return template
    }

    private var all: [(flag: String, template: TextTemplate)] {
        own.map { ("--send", $0) } + returned.map { ("--return", $0.path) }
            + returned.compactMap { one in one.name.map { ("--return-as", $0) } }
            + (folder.map { [("--workdir", $0)] } ?? [])
    }

    /// Throws where there is no value for a placeholder, or where numbers would be those of another run. `resumes`: a run goes on that has
    /// some tasks already.
    func check(sources: Int, resumes: Bool) throws(CommandError) {
        for (flag, template) in all {
            do throws(TemplateError) { try template.check(sources: sources) } catch {
                throw .usage("\(flag): \(error)")
            }
            if hasGroups, flag != "--send", template.takesAllValues {
                throw .usage(
                    "\(flag): \(CommandError.quoted(shownPath(template.text))) stands for several values with --max-args: name one, as {1}, or"
                        + " the task's number, {#}")
            }
            if resumes, template.hasNumber {
                throw .usage("\(flag): {#} counts the tasks of one run, so it names other files in one that goes on")
            }
        }
    }

    /// The names under which a task's files come back. `number`: from 1. Throws a `CommandError`.
    func names(_ values: [[UInt8]], number: Int) throws(CommandError) -> [InnerPath] {
        var names: [InnerPath] = []
        for one in returned {
            let from = try Self.path(one.path, "--return", values, number)
            names.append(
                try one.name.map { name throws(CommandError) in try Self.path(name, "--return-as", values, number) }
                    ?? from)
        }
        return names
    }

    private static func path(
        _ template: TextTemplate, _ flag: String, _ values: [[UInt8]], _ number: Int
    ) throws(CommandError) -> InnerPath {
        let text = try expanded(template, flag, values, number)
        let path: InnerPath
        do throws(PathTrouble) { path = try InnerPath(text) } catch {
            throw CommandError(.data, "\(flag): \(shownPath(text)): \(error)")
        }
        guard !path.isRoot else {
            throw CommandError(.data, "\(flag): \(CommandError.quoted(shownPath(text))) names no file in the folder")
        }
        return path
    }

    /// The paths that one `--send` of a task's own names.
    func sentPaths(_ template: TextTemplate, _ values: [[UInt8]], _ number: Int) throws(CommandError) -> [[UInt8]] {
        guard hasGroups else { return [try Self.expanded(template, "--send", values, number)] }
        do throws(TemplateError) { return try template.expandEach(values, number: number, slot: 1) } catch {
            throw CommandError(.data, "--send: \(RunReport.name(number: number, values: values)): \(error)")
        }
    }

    static func expanded(
        _ template: TextTemplate, _ flag: String, _ values: [[UInt8]], _ number: Int
    ) throws(CommandError) -> [UInt8] {
        do throws(TemplateError) { return try template.expand(values, number: number, slot: 1) } catch {
            throw CommandError(.data, "\(flag): \(RunReport.name(number: number, values: values)): \(error)")
        }
    }

    /// Throws where two tasks would return one name, or one that is there already, unless it may be written over. Nothing was sent by then.
    func checkNames(in body: JobBody, overwrites: Bool) throws(CommandError) {
        if let folder {
            for task in 0..<body.count {
                let values = body.values(of: task)
                let text = try Self.expanded(folder, "--workdir", values, task + 1)
                do throws(PathTrouble) { _ = try InnerPath(text) } catch {
                    throw CommandError(.data, "--workdir: \(shownPath(text)): \(error)")
                }
                if !folder.hasPlaceholders { break }
            }
        }
        if returned.isEmpty { return }
        var collisions = NameCollisions()
        for task in 0..<body.count {
            let names = try names(body.values(of: task), number: task + 1)
            collisions.add(names)
            if overwrites { continue }
            for name in names where Self.isThere(name) {
                throw CommandError(
                    .cannotCreate,
                    "\(name), which \(Self.name(task, body)) is to return, is there already: move it away, have it come under"
                        + " another name by --return-as, or say --overwrite")
            }
        }
        let found = collisions.find { (try? names(body.values(of: $0), number: $0 + 1)) ?? [] }
        guard let found else { return }
        let (first, second) = (Self.name(found.first, body), Self.name(found.second, body))
        throw CommandError(
            .data,
            found.first == found.second
                ? "\(first) would return two files as \(found.name)"
                : "\(first) and \(second) would both return \(found.name), or one of them a file below the other's:"
                    + " --return-as with {#}, or with {}, tells them apart")
    }

    private static func name(_ task: Int, _ body: JobBody) -> String {
        RunReport.name(number: task + 1, values: body.values(of: task))
    }

    private static func isThere(_ path: InnerPath) -> Bool {
        var status = stat()
        return lstat(path.bytes.map { CChar(bitPattern: $0) } + [0], &status) == 0
    }
}
