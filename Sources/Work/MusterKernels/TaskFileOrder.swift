internal import CommandTemplates
package import MusterFileLists
internal import MusterJSON
internal import MusterWire
package import TaskFiles

/// What of a job's params is about files: `"files":{"origin":URL,"send":[…],"return":[{"path":TEXT,"as":TEXT}],"workdir":TEXT}`, where texts are
/// templates, expanded for each task.
package struct TaskFileOrder: Sendable {
    private struct Wanted: Sendable {
        var path: TextTemplate
        var name: TextTemplate?
    }

    private let origin: String
    /// Those that all tasks have.
    private var common: [FileItem] = []
    private var wanted: [Wanted] = []
    private var folder: TextTemplate?

    /// Nil where there is no such field. Throws a `Problem` (422).
    init?(_ params: inout JSONFields) throws(Problem) {
        guard var fields = try params.object("files") else { return nil }
        origin = try fields.required("origin", try fields.string("origin", bytesMax: 2_048))
        guard origin.hasPrefix("http://") || origin.hasPrefix("https://") else {
            throw Problem(422, "\"files.origin\" is no URL: \"\(origin.prefix(80))\".", code: "field")
        }
        if let value = fields.value("send") { common = try FileItem.list(value, "files.send") }
        if let value = fields.value("workdir") { folder = try Self.template(value, "files.workdir") }
        for value in try fields.elements("return", countMax: FileItem.countMax) ?? [] {
            var one = try JSONFields(value, path: "files.return.")
            let path = try Self.template(try one.required("path", one.value("path")), "files.return.path")
            let name = try one.value("as").map { value throws(Problem) in try Self.template(value, "files.return.as") }
            try one.finish()
            wanted.append(Wanted(path: path, name: name))
        }
        try fields.finish()
    }

    private static func template(_ value: JSONValue, _ name: String) throws(Problem) -> TextTemplate {
        guard let text = value.textBytes else {
            throw Problem(422, "\"\(name)\" must be a text, not \(JSONFields.shown(value)).", code: "field")
        }
        do throws(TemplateError) { return try TextTemplate(text) } catch {
            throw Problem(422, "\"\(name)\": \(error)", code: "field")
        }
    }

    /// For one task. Throws a `Problem` (422) for a path that leads out of its folder.
    func expanded(
        _ values: [[UInt8]], _ own: [FileItem], number: Int, slot: Int
    ) throws(Problem) -> TaskFileList {
        func path(_ template: TextTemplate, _ name: String) throws(Problem) -> InnerPath {
            let text: [UInt8]
            do throws(TemplateError) {
                text = try template.expand(values, number: number, slot: slot)
            } catch {
                throw Problem(422, "\(name): \(error)", code: "field")
            }
            do throws(PathTrouble) { return try InnerPath(text) } catch {
                throw Problem(422, "\(name): \(shownPath(text)): \(error)", code: "path")
            }
        }
        var list = TaskFileList(origin: origin)
        list.sent = common + own
        list.folder = try folder.map { template throws(Problem) in try path(template, "--workdir") } ?? .root
        for one in wanted {
            let from = try path(one.path, "--return")
            let name = try one.name.map { template throws(Problem) in try path(template, "--return-as") } ?? from
            guard !from.isRoot, !name.isRoot else {
                throw Problem(422, "--return: \(from) names the task's folder itself; name what is in it", code: "path")
            }
            list.returned.append(TaskFileList.Returned(path: from, name: name))
        }
        return list
    }
}

/// Files of one task.
package struct TaskFileList: Hashable, Sendable {
    /// What it leaves to be brought back, and under which name.
    package struct Returned: Hashable, Sendable {
        package var path: InnerPath
        package var name: InnerPath
    }

    /// The task's number in its job.
    package var task = 0
    /// Where the job's files are, as whoever made the job reaches it.
    package var origin: String
    package var sent: [FileItem] = []
    package var returned: [Returned] = []
    /// Where the command runs, in its own folder.
    package var folder = InnerPath.root

    package init(origin: String) { self.origin = origin }
}

/// Carries the files of one batch's tasks. What it throws is a `TaskFailure`. All of it blocks.
package protocol TaskFileCourier: Sendable {
    /// Tasks that will follow, and what each has of its own: small files of several are fetched at once.
    func expect(_ tasks: Range<Int>, _ files: @escaping @Sendable (Int) -> [FileItem])
    /// Puts a task's files into its folder, which is empty.
    func bring(_ list: TaskFileList, into folder: String, _ cancellation: Cancellation) throws(TaskFailure)
    /// Takes what a command left; what is small goes to the origin with `deliver`.
    func take(
        _ list: TaskFileList, from folder: String, _ cancellation: Cancellation
    ) throws(TaskFailure) -> [FileItem]
    /// How long it has taken since it was asked last: no time of the tasks' own.
    func timeTaken() -> Duration
    /// Brings what these tasks left to the origin: after that their results may be told. Those for which that failed.
    func deliver(_ tasks: Range<Int>, _ cancellation: Cancellation) -> [Int: TaskFailure]
}
