internal import CommandTemplates
internal import Glibc
internal import MusterAPI
internal import MusterClient
package import MusterCommandLine
internal import MusterCore
internal import MusterCrypto
internal import MusterFileTransfer
internal import MusterJSON
internal import MusterScheduling
internal import MusterWire
internal import RunRules

/// One `muster run`, from its words to its end.
@MainActor package struct CommandRun {
    private let invocation: Invocation
    private let flags: RunFlags
    private let words: RunWords
    private let template: CommandTemplate
    private let halt: HaltRule
    /// Nil: its tasks have none.
    private let files: FilePlan?

    /// Throws a `CommandError` for words and flags that mean nothing.
    package init(_ invocation: Invocation, _ flags: RunFlags) throws(CommandError) {
        (self.invocation, self.flags) = (invocation, flags)
        words = try RunWords(invocation.arguments.rest)
        template = try Self.template(words.command, flags.form)
        halt = try Self.rule(flags.halt)
        files = try flags.files.isEmpty ? nil : FilePlan(flags.files, valuesEach: flags.valuesEach)
        if flags.resumes != nil, flags.logPath == nil {
            throw .usage("--resume needs --joblog, whose lines say what is done")
        }
    }

    private static func template(_ words: [[UInt8]], _ form: RunFlags.Form?) throws(CommandError) -> CommandTemplate {
        do throws(TemplateError) {
            switch form {
            case .shell: return try CommandTemplate(shell: Array(words.joined(separator: [0x20])))
            case .arguments: return try CommandTemplate(arguments: words)
            case nil: return try CommandTemplate(words: words)
            }
        } catch {
            throw .usage("\(error)")
        }
    }

    private static func rule(_ text: String?) throws(CommandError) -> HaltRule {
        guard let text else { return .never }
        guard let rule = HaltRule(parsing: text) else {
            throw .usage("--halt: \(CommandError.quoted(text)) is not \(HaltRule.form)")
        }
        return rule
    }

    package func run() async throws {
        let log = try log()
        var body = JobBody()
        if flags.isDryRun, !flags.isShuffled {
            return try readValues(log) { try show($0.map { Array($0) }, number: $1) }
        }
        let takesBlocks = takesBlocks
        try readValues(log) { values, _ in
            if takesBlocks { try body.append(block: Array(values[0])) } else { try body.append(values) }
        }
        if flags.isShuffled { body = body.permuted(Array(0..<body.count).shuffled()) }
        if flags.isDryRun {
            for task in 0..<body.count { try show(body.values(of: task), number: task + 1) }
            return
        }
        if body.count > 0 { try await submit(&body, log) } else { noteNothing(log) }
        guard let failed = log?.skippedFailures, failed > 0 else { return }
        let what = failed == 1 ? "a command" : "\(Format.count(failed)) commands"
        throw CommandError(.failure, "\(what) failed before; --resume-failed runs again what failed")
    }

    /// A dry run reads it, where it is gone on with, and makes none.
    private func log() throws(CommandError) -> JobLogFile? {
        guard let path = flags.logPath else { return nil }
        if flags.isDryRun, flags.resumes == nil || access(path, F_OK) != 0 { return nil }
        return try JobLogFile(path, resumes: flags.resumes)
    }

    private func noteNothing(_ log: JobLogFile?) {
        let skipped = log?.skipped ?? 0
        invocation.note(
            skipped == 0
                ? "there are no values, so nothing is run"
                : "nothing is left to run: the job log has all \(Format.count(skipped)) commands")
    }

    // MARK: Values

    private var takesBlocks: Bool { flags.blockBytes != nil }

    /// What of a task's values stands in its command.
    private func arguments(_ values: [[UInt8]]) -> [[UInt8]] { takesBlocks ? [] : values }

    private func readBlocks(
        _ bytes: Int, _ log: JobLogFile?, _ body: ([ArraySlice<UInt8>], Int) throws -> Void
    ) throws {
        var number = 0
        try check([[]], number: 1, log)
        try BlockReader(words, flags, bytes: bytes).readBlocks { block in
            if let log, !log.isEmpty, log.takes(try logLine([block], number: number + 1)) { return }
            number += 1
            try body([block[...]], number)
        }
    }

    /// Calls with the values of each task that is to be run, and its number from 1.
    private func readValues(_ log: JobLogFile?, _ body: ([ArraySlice<UInt8>], Int) throws -> Void) throws {
        if let bytes = flags.blockBytes { return try readBlocks(bytes, log, body) }
        let done = log?.isEmpty == false ? log : nil
        var number = 0
        var checkedWidth: Int?
        try ValueReader(words, flags).readRows { values in
            if values.count != checkedWidth {
                try check(values.map { Array($0) }, number: number + 1, log)
                checkedWidth = values.count
            }
            if values.contains(where: { $0.contains(0) }) {
                throw CommandError(.data, "value \(Format.count(number + 1)) holds a NUL byte, which no argument can")
            }
            if let done, done.takes(try logLine(values.map { Array($0) }, number: number + 1)) { return }
            number += 1
            try body(values, number)
        }
    }

    /// Throws where the template has no place for so many values: for all tasks, or for those from this number on.
    private func check(_ values: [[UInt8]], number: Int, _ log: JobLogFile?) throws(CommandError) {
        do throws(TemplateError) { try template.check(sources: arguments(values).count) } catch {
            if number == 1 { throw .usage("\(error)") }
            throw CommandError(.data, "\(RunReport.name(number: number, values: arguments(values))): \(error)")
        }
        try files?.check(sources: values.count, resumes: log?.isEmpty == false)
        guard let log, !log.isEmpty, try logLine(values, number: 1) != logLine(values, number: 2) else { return }
        throw .usage("{#} counts the tasks of one run, so a job log with it cannot be resumed; use --array and {1}")
    }

    private func logLine(_ values: [[UInt8]], number: Int) throws(CommandError) -> [UInt8] {
        let line: [UInt8]
        do throws(TemplateError) { line = try template.logLine(arguments(values), number: number) } catch {
            throw CommandError(.data, "\(RunReport.name(number: number, values: arguments(values))): \(error)")
        }
        // Which block it was, whatever stood before it.
        return takesBlocks ? line + Array(" # sha256:\(hex(SHA256.digest(of: values[0])))".utf8) : line
    }

    private func show(_ values: [[UInt8]], number: Int) throws {
        let line: [UInt8]
        do throws(TemplateError) { line = try template.expand(arguments(values), number: number, slot: 1).line } catch {
            throw CommandError(.data, "\(RunReport.name(number: number, values: arguments(values))): \(error)")
        }
        try invocation.out.write(line + [0x0A])
    }

    // MARK: The job

    private func submit(_ body: inout JobBody, _ log: JobLogFile?) async throws {
        let client = try CoordinatorClient(invocation)
        var request = flags.request
        request.halt = halt.condition
        var sent: SentFiles?
        if let files {
            // What a run that was killed left here would go along with a folder.
            try? PartsFolder.removeLeft(in: AT_FDCWD)
            try files.checkNames(in: body, overwrites: flags.files.overwrites || flags.resumes != nil)
            let sending = SentFiles(try await RunOrigin.find(flags.files.origin, client, invocation), invocation)
            body = try await sending.send(files, body)
            request.files = sending.params(files)
            sent = sending
        }
        let bytes = body.finish(request.job(template))
        let folder = try flags.resultsPath.map {
            try ResultsFolder($0, command: commandText, goesOn: flags.resumes != nil)
        }
        let interrupts = flags.isDetached ? nil : Interrupts(client, cancels: true)
        let answer: [UInt8]
        do {
            answer = try await client.callOnce("/v1/jobs", bytes)
        } catch {
            folder?.abandon()
            if let number = interrupts?.number { Interrupts.end(by: number) }
            throw error
        }
        let job = try JobStatus(JSONValue(parsing: answer))
        guard let interrupts else {
            return try invocation.out.write(
                flags.output.isJSON ? answer + [0x0A] : Array("\(job.id)\n".utf8))
        }
        interrupts.began(job.id)
        var books = RunSession.Books()
        books.results = folder
        if let log {
            let body = body
            books.log = { end, number in
                let values = body.values(of: end.task)
                try log.append(end, number: number, command: logLine(values, number: end.task + 1))
            }
        }
        if let files, let sent {
            books.files = ReturnedFiles(
                overwrites: flags.files.overwrites || flags.resumes != nil,
                names: { [body] task in try files.names(body.values(of: task), number: task + 1) },
                origin: { sent.origin })
        }
        let keeping = sent.map { sent in Task { await sent.keepWhileWaiting() } }
        defer { keeping?.cancel() }
        let names = TaskNames(
            takesBlocks ? nil : body, numbersBefore: max(log?.lastNumber ?? 0, folder?.lastNumber ?? 0))
        try await RunSession(
            job, client, names: names, books: books, output: flags.output,
            bar: Self.bar(job, invocation, isWanted: flags.output.keepsProgress), interrupts: interrupts, invocation
        ).run()
    }

    /// Of which a folder of results is: the command as it was given.
    private var commandText: [UInt8] {
        switch template.form {
        case .shell(let text): text
        case .arguments(let words): CommandTemplate.Expanded.arguments(words).line
        }
    }

    /// Shown at a terminal, and wherever it is asked for.
    static func bar(_ job: JobStatus, _ invocation: Invocation, isWanted: Bool) -> ProgressBar? {
        guard isWanted || invocation.terminal.isInteractive else { return nil }
        return invocation.progress("job \(job.id) \(job.name.isEmpty ? job.kernel : job.name)", total: job.count)
    }
}
