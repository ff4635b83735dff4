internal import MusterClient
internal import MusterCommandLine
internal import MusterCore
internal import MusterKernels
internal import MusterRun

/// `muster run [FLAG]... COMMAND [ARG]... [::: VALUE...] [:::: FILE...]`.
enum RunCommand {
    static let null = Flag.bool(
        "null", short: "0", "Values of files and of standard input end with a NUL byte, not with the line.")
    static let colsep = Flag<String?>.text(
        "colsep", short: "C", "TEXT", as: .text(bytesMax: 64, suggestions: []),
        "Each line holds several values with this text between them, \\t for a tab; {1}, {2} and so on stand for them.")
    static let maxArgs = Flag<Int?>.int(
        "max-args", short: "n", "N", in: 1...RunFlags.valuesEachMax,
        "Each task has so many values of the one source, the last one what is left: {} stands for all of them, {1} and {2} for the first and "
            + "the second."
    ).defaulting(to: "1")
    static let array = Flag<String?>.text(
        "array", "FROM-TO", as: .text(bytesMax: 64, suggestions: []),
        "The values are these numbers, such as 1-1000 or, with a step, 0-100:5.")
    static let pipe = Flag.bool(
        "pipe",
        "Cut standard input at the ends of lines into blocks, and give each to one command as its standard input.")
    static let block = Flag<Int?>.bytes(
        "block", in: 1...BlockReader.bytesMax, "With --pipe: blocks are as long as whole lines fit into so many bytes."
    ).defaulting(to: "512K")
    static let noRunIfEmpty = Flag.bool(
        "no-run-if-empty", short: "r", "Leave out values of nothing but blanks; of several sources, where all are.")
    static let shuf = Flag.bool("shuf", "Put the values into an order of chance first.")

    static let name = SubmitCommand.name.defaulting(to: "the first word of the command")
    static let jobs = Flag<Int?>.int(
        "jobs", short: "j", "N", in: 1...Limits.jobTasksMax, "So many run at one time, in the whole fleet."
    ).defaulting(to: "as many as there are slots")
    static let retries = Flag<Int>.int(
        "retries", "N", in: 0...Limits.attemptsMax - 1, default: 0,
        "A command that fails is run again, at most so often; at another worker first, where there is one.")
    static let timeout = Flag<Duration?>.seconds(
        "timeout", in: Limits.timeoutSecondsMin...Limits.timeoutSecondsMax,
        "A command that takes longer is ended, and has failed."
    ).defaulting(to: "as long as it likes")
    static let killAfter = Flag<Duration?>.seconds(
        "kill-after", in: 0...3_600,
        "A command that is to end gets SIGTERM, and so long afterwards SIGKILL, with all that it started.")
    static let delay = Flag<Duration?>.seconds(
        "delay", in: Limits.startDelaySecondsMin...Limits.startDelaySecondsMax,
        "At least so long between the starts of two commands, in the whole fleet."
    ).defaulting(to: "they start as they can")
    static let environment = Flag.texts(
        "env", short: "e", "NAME[=VALUE]",
        "A variable of the commands' environment; without a value, as it is here.")
    static let pids = Flag<Int?>.int(
        "pids", "N", in: 1...100_000,
        "A command that has more processes at one time, itself included, is ended with all of them, and has failed; with --image it gets no "
            + "more, and threads count as well."
    ).defaulting(to: "as many as the system lets it")
    static let shell = Flag.bool("shell", "The command is a text for /bin/sh, even if it looks like a plain word.")
    static let noShell = Flag.bool(
        "no-shell", "The command is a program and its arguments, even if it is one word with blanks.")
    static let outputMax = Flag<Int?>.int(
        "output-max", "BYTES", in: 0...RunRequest.outputBytesMax,
        "So much of standard output, and of standard error, comes back from each command; what is cut is told."
    ).defaulting(to: "262144")

    static let image = Flag<String?>.text(
        "image", "NAME", as: .text(bytesMax: 512, suggestions: []),
        "Run each command in a container of this image, which the workers' engines have. Its working folder is the task's own; it is not "
            + "root, and has the processors, the memory and the GPUs that --cpus, --memory and --gpus say.")
    static let network = Flag.bool("network", "With --image: the containers may use the network.")
    static let unordered = Flag.bool(
        "unordered", short: "u", "Print what a command printed as soon as it has ended, not in the order of the values."
    )
    static let lineBuffer = Flag.bool(
        "line-buffer",
        "Print lines while commands run, each whole and as soon as it is there, those of several commands mixed. A last line without an "
            + "end gets one.")
    static let tag = Flag.bool("tag", "Put the value and a tab before each line.")
    static let eta = Flag.bool(
        "eta", "Say on standard error how far it is and how long it will take, at a terminal or not.")
    static let dryRun = Flag.bool("dry-run", "Print the commands, and run none.")
    static let detach = Flag.bool(
        "detach", short: "d", "Print the job's number and leave; 'muster attach' comes back to it.")
    static let halt = Flag<String?>.text(
        "halt", "WHEN", as: .text(bytesMax: 64, suggestions: []),
        "Cancel the job once so many have failed, succeeded or ended: now,fail=3, or now,fail=10% of all. Commands that run are ended; "
            + "with soon in place of now they end by themselves. No more are begun. Near that point commands go out one by one, "
            + "so that it is exactly so many."
    ).defaulting(to: "never")
    static let joblog = Flag<String?>.text(
        "joblog", "FILE", as: .file,
        "Write a line for each command that ended, at once, in GNU parallel's columns. The file must not be there, or --resume given."
    )
    static let resume = Flag.bool(
        "resume", "Run what --joblog has no line for: it goes by the command with its value, not by the line's number.")
    static let resumeFailed = Flag.bool("resume-failed", "As --resume, and run again what has failed.")
    static let results = Flag<String?>.text(
        "results", "DIR", as: .directory,
        "Write what each command printed into DIR/NUMBER/stdout and stderr, and its exit code into DIR/NUMBER/exitcode. "
            + "Nothing that is there is written over.")

    static let command = Command(
        name: "run", summary: "run a command for each of many values",
        description: [
            "Runs the command once for each value, on all workers that allow it (muster worker --allow-exec), and prints what they "
                + "printed: in the order of the values, on standard output and standard error, byte by byte.",
            "Values stand behind :::, are lines of a file behind ::::, numbers of --array, or lines of standard input. Of several "
                + "sources all combinations are run. {} in the command stands for the value, {.} for it without its extension, {/} for "
                + "the file's name, {//} for its folder, {/.} for the name without extension, {1} for that of the first source, {#} for "
                + "the number of the task, {%} for that of the slot. Without any of them the value is put behind the command.",
            "A command of one word with blanks or signs of the shell in it is a text for /bin/sh, into which values are put in quotes, "
                + "whatever is in them. Several words are a program and its arguments, which no shell reads.",
            "Flags stand before the command: what follows its first word belongs to it.",
            "Ctrl-C cancels the job and exits with 130, a second one leaves at once. A hang-up of the terminal leaves the job alone "
                + "(129), and so does the end of this process: 'muster attach' comes back to it.",
        ],
        rest: Command.Rest(
            ["COMMAND", "[ARG]...", "[::: VALUE...]...", "[:::: FILE...]..."],
            [
                Command.Rest.Entry("COMMAND", "The command, with placeholders for values; its further words follow."),
                Command.Rest.Entry("::: VALUE...", "Values. Several times: all combinations, the last changes first."),
                Command.Rest.Entry(":::: FILE...", "Files with a value a line; - is standard input."),
            ]),
        flags: [
            null.spec, colsep.spec, maxArgs.spec, array.spec, pipe.spec, block.spec, noRunIfEmpty.spec, shuf.spec,
            name.spec,
            SubmitCommand.priority.spec, jobs.spec,
            SubmitCommand.atMost.spec, retries.spec, timeout.spec, killAfter.spec, delay.spec, pids.spec,
            environment.spec, shell.spec,
            noShell.spec, outputMax.spec, image.spec, network.spec, unordered.spec, lineBuffer.spec, tag.spec, eta.spec,
            dryRun.spec, detach.spec,
            halt.spec, joblog.spec, resume.spec, resumeFailed.spec, results.spec,
        ] + RunFilesFlags.all + NeedsFlags.all + TermsFlags.all + CommonFlags.client,
        rules: [
            .exclusive(["shell", "no-shell"]), .exclusive(["jobs", "at-most"]),
            .exclusive(["resume", "resume-failed"]), .exclusive(["pipe", "array"]), .exclusive(["pipe", "colsep"]),
            .exclusive(["pipe", "max-args"]), .exclusive(["max-args", "colsep"]),
            .exclusive(["pipe", "send"]), .exclusive(["pipe", "return"]),
            .exclusive(["dry-run", "detach"]), .exclusive(["detach", "joblog"]), .exclusive(["detach", "results"]),
            .exclusive(["tag", "json"]), .exclusive(["line-buffer", "json"]),
        ],
        exits: [
            Command.Exit(.success, "All commands succeeded; with --detach: the job is stored."),
            Command.Exit(.failure, "A command failed, or not all were run."),
            Command.Exit(.data, "A value is wrong, or the coordinator refused the job."),
            Command.Exit(.noInput, "A file of values cannot be read."),
            Command.Exit(
                .cannotCreate,
                "The job log or the folder of results cannot be made, or holds something else; or all commands succeeded, and what one "
                    + "returned has no place here."),
        ] + CommonFlags.clientExits.filter { $0.code != .data },
        examples: [
            Command.Example(
                "muster run 'convert {} {.}.jpg' ::: *.png", "Convert pictures that all workers can reach."),
            Command.Example(
                "find . -name '*.log' -print0 | muster run -0 gzip -9", "Names from a pipe, whatever is in them."),
            Command.Example(
                "muster run --joblog runs --resume ./model --alpha {1} --beta {2} ::: 1 2 3 ::: 0.1 0.2",
                "All six combinations; the same line again runs what is missing."),
            Command.Example("muster run --array 1-1000 --halt now,fail=1 ./test --seed", "Until one fails."),
        ], run: run)

    @MainActor static func run(_ invocation: Invocation) async throws {
        try await CommandRun(invocation, flags(invocation)).run()
    }

    @MainActor private static func flags(_ invocation: Invocation) throws(CommandError) -> RunFlags {
        var flags = RunFlags()
        flags.isNullSeparated = invocation[null]
        flags.columnSeparator = invocation[colsep]
        flags.range = invocation[array]
        flags.skipsBlank = invocation[noRunIfEmpty]
        flags.valuesEach = invocation[maxArgs]
        flags.isShuffled = invocation[shuf]
        flags.form = invocation[shell] ? .shell : invocation[noShell] ? .arguments : nil
        var request = RunRequest()
        request.name = invocation[name]
        request.isInteractive = invocation[SubmitCommand.priority] == "interactive"
        request.atMost = invocation[jobs] ?? invocation[SubmitCommand.atMost]
        request.attempts = invocation[retries] + 1
        request.timeout = invocation[timeout]
        request.killAfter = invocation[killAfter]
        (request.startDelay, request.processesMax) = (invocation[delay], invocation[pids])
        if invocation[pipe] { flags.blockBytes = invocation[block] ?? BlockReader.bytesDefault }
        if !invocation[pipe], invocation[block] != nil { throw .usage("--block is the size of --pipe's blocks") }
        request.takesBlocks = invocation[pipe]
        request.outputMax = invocation[outputMax]
        request.environment = try RunRequest.environment(invocation[environment], of: invocation.environment)
        request.needs = try NeedsFlags.needs(invocation)
        (request.image, request.hasNetwork) = (invocation[image], invocation[network])
        if request.image != nil {
            request.needs = request.needs ?? Needs()
            request.needs!.labels[ContainerEngineLabel.key] = ContainerEngineLabel.value
        } else if request.hasNetwork {
            throw .usage("--network is for commands in containers: it needs --image")
        }
        request.failsIfImpossible = invocation[NeedsFlags.failsIfImpossible]
        request.terms = try TermsFlags.terms(invocation)
        flags.request = request
        flags.output.isUnordered = invocation[unordered] || invocation[lineBuffer]
        flags.output.hasWholeLines = invocation[lineBuffer]
        flags.output.isTagged = invocation[tag]
        flags.output.isJSON = invocation[CommonFlags.json]
        flags.output.keepsProgress = invocation[eta]
        flags.isDryRun = invocation[dryRun]
        flags.isDetached = invocation[detach]
        flags.halt = invocation[halt]
        flags.logPath = invocation[joblog]
        flags.resumes = invocation[resumeFailed] ? .failed : invocation[resume] ? .missing : nil
        flags.resultsPath = invocation[results]
        flags.files = RunFilesFlags.flags(invocation)
        return flags
    }
}
