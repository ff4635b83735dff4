internal import CommandTemplates
internal import MusterAPI
internal import MusterCommandLine
internal import MusterCrypto
internal import MusterFileLists
internal import MusterFileTransfer
internal import MusterJSON
internal import TaskFiles

/// The files that a run sends along: hashed, brought to the origin, and kept there for as long as it waits.
@MainActor final class SentFiles {
    /// So many are hashed before those that are missing are sent.
    private static let windowMax = 2_000
    /// Files that are remembered, so that those which several tasks have are read once.
    private static let knownMax = 100_000
    private static let keepAgainAfter: Duration = .seconds(6 * 3_600)
    /// So much to send has a progress bar.
    private static let largeBytes: UInt64 = 4 << 20

    let origin: OriginClient
    private let invocation: Invocation
    private let sending: FileSending
    private var common: [FileItem] = []
    private var waiting: [OutgoingFile] = []
    private var known: [[UInt8]: FileItem] = [:]
    private var digests: Set<FileDigest> = []
    private let bar: ProgressBar
    private let sent = SentBytes()

    init(_ origin: OriginClient, _ invocation: Invocation) {
        (self.origin, self.invocation) = (origin, invocation)
        bar = invocation.progress("bytes of files to send", total: nil)
        sending = FileSending(to: origin) { [sent] in sent.add($0) }
    }

    /// The same tasks, each with its own files. Throws a `CommandError` that names what cannot be sent.
    func send(_ plan: FilePlan, _ body: JobBody) async throws -> JobBody {
        do {
            for template in plan.common {
                common.append(try item(at: template.text))
                try await sendWaiting(from: Self.windowMax)
            }
            guard !plan.own.isEmpty else {
                try await sendWaiting()
                return body
            }
            var filled = JobBody()
            for task in 0..<body.count {
                let values = body.values(of: task)
                var items: [FileItem] = []
                for template in plan.own {
                    for path in try plan.sentPaths(template, values, task + 1) { items.append(try item(at: path)) }
                }
                guard items.count <= FileItem.countMax else {
                    let name = RunReport.name(number: task + 1, values: values)
                    throw CommandError(
                        .data,
                        "--send: \(items.count) files for \(name); at most \(FileItem.countMax): lower --max-args")
                }
                try await sendWaiting(from: Self.windowMax)
                try Self.requireApart(common + items, RunReport.name(number: task + 1, values: values))
                let input = TaskInput(value: JSONValue(line: body.input(task)), files: items)
                try filled.append(input: input.bytes)
            }
            try await sendWaiting()
            bar.remove()
            return filled
        } catch let trouble as FileTrouble {
            bar.remove()
            throw Self.error(trouble, "; no job was made")
        }
    }

    private static func requireApart(_ items: [FileItem], _ name: String) throws(CommandError) {
        var seen: Set<InnerPath> = []
        for item in items where !item.path.isRoot && !seen.insert(item.path).inserted {
            throw CommandError(.data, "--send: two files would be at \(item.path) for \(name)")
        }
    }

    private func item(at text: [UInt8]) throws -> FileItem {
        if let known = known[text] { return known }
        let given: GivenPath
        do throws(PathTrouble) { given = try GivenPath(text) } catch {
            let advice = error == .absolute || error == .leadsOut ? ": \(GivenPath.advice(for: text))" : ""
            throw CommandError(.data, "--send: \(shownPath(text)): \(error)\(advice)")
        }
        let place = given.place
        var found: [OutgoingFile] = []
        let reading = FileReading { file, path, name in
            let whole = path.isRoot ? place : place + [UInt8(ascii: "/")] + path.bytes
            let outgoing = try OutgoingFile(file, at: whole, name)
            found.append(outgoing)
            return (outgoing.digest, outgoing.size)
        } list: { list in
            let digest = FileDigest(bytes: SHA256.digest(of: list))
            found.append(OutgoingFile(digest, size: UInt64(list.count), .memory(list)))
            return digest
        }
        let item = try reading.item(at: place, as: given.path)
        guard !item.path.isRoot || item.kind == .folder else {
            throw CommandError(.data, "--send: \(CommandError.quoted(shownPath(text))) names no file")
        }
        if known.count < Self.knownMax { known[text] = item }
        waiting += found.filter { digests.insert($0.digest).inserted }
        return item
    }

    /// What waits to be sent, if it is so much.
    private func sendWaiting(from count: Int = 1) async throws {
        guard waiting.count >= count else { return }
        let files = waiting
        waiting = []
        let isLarge = files.reduce(0) { $0 + $1.size } >= Self.largeBytes
        let watch = Task { [bar, sent] in
            while isLarge, !Task.isCancelled {
                bar.update(done: Int(clamping: sent.value))
                try await Task.sleep(for: .milliseconds(200))
            }
        }
        defer { watch.cancel() }
        for start in stride(from: 0, to: files.count, by: FileNames.countMax) {
            try await sending.send(Array(files[start..<min(start + FileNames.countMax, files.count)]))
        }
    }

    /// What the job's params say of files.
    func params(_ plan: FilePlan) -> [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        json.field("origin", origin.url)
        if !common.isEmpty {
            json.key("send")
            FileItem.write(common, to: &json)
        }
        if !plan.returned.isEmpty {
            json.key("return")
            json.beginArray()
            for one in plan.returned {
                json.beginObject()
                json.key("path")
                json.text(one.path.text)
                if let name = one.name {
                    json.key("as")
                    json.text(name.text)
                }
                json.endObject()
            }
            json.endArray()
        }
        if let folder = plan.folder {
            json.key("workdir")
            json.text(folder.text)
        }
        json.endObject()
        return json.bytes
    }

    /// Has the files kept again and again, until this task is cancelled.
    func keepWhileWaiting() async {
        let all = Array(digests)
        while !all.isEmpty, (try? await Task.sleep(for: Self.keepAgainAfter)) != nil {
            for start in stride(from: 0, to: all.count, by: FileNames.countMax) {
                let some = Array(all[start..<min(start + FileNames.countMax, all.count)])
                // The next time is early enough: they are kept for days.
                _ = try? await origin.keep(some)
            }
        }
    }

    /// What is wrong with a file, in the words of a command; `after`: behind it.
    static func error(_ trouble: FileTrouble, _ after: String) -> CommandError {
        let code: ExitCode =
            switch trouble.kind {
            case .disk, .full: .inputOutput
            case .unfit, .changed: .data
            case .away: .unavailable
            case .refused: .noPermission
            case .gone: .noInput
            case .strange: .internalError
            }
        return CommandError(code, trouble.message + after)
    }
}
