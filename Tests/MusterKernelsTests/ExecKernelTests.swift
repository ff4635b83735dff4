import MusterAPI
import MusterCore
import MusterFileLists
import MusterJSON
import MusterWire
import Synchronization
import TaskFiles
import Testing

@testable import MusterKernels

/// Jobs of `exec` as they are checked, and what becomes of a command's end, without any command.
@Suite struct ExecKernelTests {
    /// Ends each command as it was told, and keeps what it was asked.
    private final class Commands: TaskCommands {
        let outcome: ExecOutcome
        let asked = Mutex<[TaskCommand]>([])
        init(_ outcome: ExecOutcome) { self.outcome = outcome }
        func run(
            _ command: TaskCommand, _ cancellation: Cancellation, _ courier: (any TaskFileCourier)?
        ) throws(TaskFailure) -> ExecOutcome {
            asked.withLock { $0.append(command) }
            return outcome
        }
    }

    /// Short plain texts are passed over at submission: what is among them is found all the same.
    @Test(arguments: [
        (#"{"command":["echo"]}"#, #""5"\n5"#, #"Input 1: must be a text, or a list of texts, not 5."#),
        (#"{"command":["echo"]}"#, #""a"\n"b"\n"c\u0000""#, "Input 2: "),
        (#"{"command":["echo"]}"#, #""a"\n[]\n"b""#, "Input 1: has 0 texts; 1 to 256."),
        (#"{"command":["echo"]}"#, #""a"\n["b","c",1]"#, "Input 1: must be a text"),
        (#"{"command":["echo","{2}"]}"#, #"["a","b"]\n"a""#, "Input 1: "),
        (#"{"shell":"echo $(( {} ))"}"#, #""12"\n"x""#, "Input 1: "),
        (#"{"command":["echo"],"files":{"origin":"http://o","return":[{"path":"{}"}]}}"#, #""a"\n"..""#, "Input 1: "),
    ])
    func wrongInputAmongRightOnes(_ params: String, _ lines: String, _ detail: String) throws {
        var request = JobRequest(kernel: "exec", params: Array(params.utf8), count: 0)
        request.inputs = LineColumn(lines: Array(lines.replacing("\\n", with: "\n").utf8))
        request.count = request.inputs!.count
        let problem = #expect(throws: Problem.self) { try KernelTable.check(request) }
        #expect(problem?.detail.hasPrefix(detail) == true, "\(problem?.detail ?? "")")
        // Without the wrong one there is nothing to refuse.
        let first = LineColumn(lines: Array(lines.replacing("\\n", with: "\n").split(separator: "\n")[0].utf8))
        (request.inputs, request.count) = (first, 1)
        try KernelTable.check(request)
    }

    @Test func anInputThatIsTooLongIsRefusedByItsNumber() throws {
        for (bytes, isFine) in [(1_024, true), (1_025, true), (130_000, true), (131_072, false)] {
            var request = JobRequest(kernel: "exec", params: Array(#"{"command":["echo"]}"#.utf8), count: 2)
            let long = "\"" + String(repeating: "a", count: bytes) + "\""
            request.inputs = LineColumn(lines: Array("\"a\"\n\(long)".utf8))
            if isFine {
                try KernelTable.check(request)
            } else {
                let problem = #expect(throws: Problem.self) { try KernelTable.check(request) }
                #expect(problem?.detail.hasPrefix("Input 1: ") == true)
            }
        }
    }

    private static let sum = String(repeating: "a", count: 64)

    @Test func filesAreExpandedForEachTask() throws {
        let commands = Commands(ExecOutcome(.exited(0)))
        let params = [
            #"{"command":["true"],"files":{"origin":"http://o","send":[{"path":"x","sha256":"\#(Self.sum)","size":1}],"#,
            #""workdir":"w/{#}","return":[{"path":"out/{/.}"},{"path":"log","as":"./{#}/{/}"}]}}"#,
        ].joined()
        let kernel = try #require(try KernelTable.kernel("exec", params: Array(params.utf8)) as? ExecKernel).on(
            commands)
        let own = #"{"value":"a/b.c","files":[{"path":"y z","sha256":"\#(Self.sum)","size":2,"kind":"folder"}]}"#
        _ = try kernel.run(
            KernelTask(index: 6, attempt: 1, input: try JSONValue(parsing: Array(own.utf8))), Cancellation())
        let list = try #require(commands.asked.withLock { $0.first }?.files)
        #expect(list.task == 6 && list.origin == "http://o" && list.folder.description == "w/7")
        #expect(list.sent.map(\.path.description) == ["x", "y z"] && list.sent[1].kind == .folder)
        #expect(list.returned.map(\.path.description) == ["out/b", "log"])
        #expect(list.returned.map(\.name.description) == ["out/b", "7/b.c"])
    }

    @Test(arguments: [
        (#"{}"#, #""a""#), (#"{"origin":"ftp://x"}"#, #""a""#), (#"{"origin":"http://o","more":1}"#, #""a""#),
        (#"{"origin":"http://o","send":[{"path":"/x","sha256":"SUM","size":1}]}"#, #""a""#),
        (#"{"origin":"http://o","return":[{"path":"{}"}]}"#, #""../a""#),
        (#"{"origin":"http://o","return":[{"path":"a","as":"{}"}]}"#, #""/a""#),
        (#"{"origin":"http://o","return":[{"path":"."}]}"#, #""a""#),
        (#"{"origin":"http://o","return":[{"path":"{2}"}]}"#, #""a""#),
        (#"{"origin":"http://o","workdir":"{}"}"#, #""..""#),
        (#"{"origin":"http://o"}"#, #"{"value":"a","files":[{"path":"..","sha256":"SUM","size":1}]}"#),
        (#"{"origin":"http://o"}"#, #"{"files":[]}"#),
    ])
    func filesThatLeadOutAreRefused(_ files: String, _ input: String) throws {
        let texts = [#"{"command":["true"],"files":\#(files)}"#, input].map {
            $0.split(separator: "SUM", omittingEmptySubsequences: false).joined(separator: Self.sum)
        }
        #expect(throws: Problem.self) { try check(texts[0], inputs: [texts[1]]) }
    }

    private func check(_ params: String, count: Int = 1, inputs: [String]? = nil) throws {
        let lines = inputs.map { LineColumn(lines: $0.flatMap { Array("\($0)\n".utf8) }) }
        try KernelTable.check(
            JobRequest(kernel: "exec", params: Array(params.utf8), count: inputs?.count ?? count, inputs: lines))
    }

    @Test(arguments: [
        (#"{"shell":"echo"}"#, [#""a""#, #"["a","b"]"#, #"{"base64":"/w=="}"#, #"[{"base64":"/w=="},"x"]"#]),
        (#"{"command":["echo","{1}",{"base64":"/w=="}]}"#, [#""a""#]),
        (
            #"{"shell":{"base64":"ZWNobyD/"},"env":{"A":"b","C":{"base64":"/w=="}},"stdin":"x","killAfter":0.5,"outputMax":0}"#,
            [#""a""#]
        ),
        (#"{"command":["wc"],"stdin":"value","pids":20}"#, [#""a\u0000\nb""#, #"{"base64":"/wA="}"#, #""""#]),
    ])
    func taken(_ params: String, _ inputs: [String]) throws { try check(params, inputs: inputs) }

    @Test func tasksWithoutInputsAreCounted() throws { try check(#"{"shell":"echo {#}"}"#, count: 3) }

    @Test(arguments: [
        ("{}", "either \"shell\""), (#"{"shell":"a","command":["a"]}"#, "either \"shell\""),
        (#"{"shell":5}"#, "a text"), (#"{"command":[]}"#, "the program first"),
        (#"{"command":"ls"}"#, "the program first"),
        (#"{"command":[1]}"#, "a list of texts"), (#"{"command":["a"],"pid":5}"#, "pid"),
        (#"{"shell":{"base64":"x"}}"#, "a text"), (#"{"shell":{"base64":"eA==","y":1}}"#, "a text"),
        (#"{"shell":"a","env":{"A=":"b"}}"#, "equals"), (#"{"shell":"a","env":{"":"b"}}"#, "empty"),
        (#"{"shell":"a","env":{"MUSTER_TOKEN":"b"}}"#, "Muster's"),
        (#"{"shell":"a","env":{"A":"\u0000"}}"#, "zero byte"),
        (#"{"shell":"a","env":["A"]}"#, "an object of texts"), (#"{"shell":"a","killAfter":-1}"#, "killAfter"),
        (#"{"shell":"a","outputMax":10000000}"#, "outputMax"), (#"{"shell":"a","pids":0}"#, "pids"),
        (#"{"shell":"a","image":"../x"}"#, "no image's name"),
        (#"{"shell":"a","network":true}"#, "with an \"image\""),
        (#"{"shell":"a","stdin":"value"}"#, "an input for each task"),
    ])
    func wrongParams(_ params: String, _ words: String) {
        #expect { try check(params) } throws: {
            ($0 as? Problem)?.detail.contains(words) == true && ($0 as? Problem)?.status == 422
        }
    }

    @Test(arguments: [
        ("5", "a list of texts"), ("null", "a list of texts"), ("[]", "0 texts"), (#"["a",5]"#, "a list of texts"),
        (#""a\u0000b""#, "NUL"), (#"{"base64":"AA=="}"#, "NUL"), (#"{"base64":"!"}"#, "a list of texts"),
        ("\"\(String(repeating: "x", count: 128 << 10))\"", "bytes"),
    ])
    func wrongInputs(_ input: String, _ words: String) {
        #expect { try check(#"{"command":["echo","{}"]}"#, inputs: [input]) } throws: {
            ($0 as? Problem)?.detail.contains(words) == true
        }
    }

    @Test(arguments: [("[]", "a text, not"), (#"["a"]"#, "a text, not"), ("7", "a text, not")])
    func wrongBlocks(_ input: String, _ words: String) {
        #expect { try check(#"{"command":["wc"],"stdin":"value"}"#, inputs: [input]) } throws: {
            ($0 as? Problem)?.detail.contains(words) == true
        }
        #expect { try check(#"{"command":["wc","{}"],"stdin":"value"}"#, inputs: [#""a""#]) } throws: {
            ($0 as? Problem)?.detail.contains("no value for {}") == true
        }
    }

    @Test func anInputMayBeTheCommandsOwn() throws {
        let (_, asked) = try run(
            outcome(.exited(0)), params: #"{"shell":"wc {#}","stdin":"value","pids":7}"#,
            input: #"{"base64":"/wAK"}"#)
        #expect(asked.input == [0xFF, 0, 0x0A] && asked.processesMax == 7)
        #expect(asked.arguments.last.map { String(decoding: $0, as: UTF8.self) } == "wc 5")
        #expect(!asked.marks.contains { $0.starts(with: "MUSTER_VALUE".utf8) })
        let plain = try run(outcome(.exited(0)), params: #"{"shell":"wc","stdin":{"base64":"dmFsdWU="}}"#)
        #expect(plain.asked.input == Array("value".utf8) && plain.asked.processesMax == nil)
    }

    @Test func aQuorumIsRefused() throws {
        let job = JobRequest(
            kernel: "exec", params: Array(#"{"shell":"a"}"#.utf8), count: 1, quorum: Quorum("2/3"))
        #expect { try KernelTable.check(job) } throws: { ($0 as? Problem)?.detail.contains("twice") == true }
    }

    private func run(
        _ outcome: ExecOutcome, params: String = #"{"command":["x"]}"#, input: String? = nil
    ) throws -> (result: Result<String, TaskFailure>, asked: TaskCommand) {
        let commands = Commands(outcome)
        let kernel = try #require(try KernelTable.kernel("exec", params: Array(params.utf8)) as? ExecKernel).on(
            commands)
        var task = KernelTask(index: 4, attempt: 2, input: try input.map { try JSONValue(parsing: Array($0.utf8)) })
        (task.job, task.slot, task.timeoutSeconds) = (17, 3, 5)
        let result: Result<String, TaskFailure>
        do throws(TaskFailure) {
            result = .success(String(decoding: try kernel.run(task, Cancellation()), as: UTF8.self))
        } catch {
            result = .failure(error)
        }
        return (result, try #require(commands.asked.withLock { $0.first }))
    }

    private func outcome(_ end: ExecOutcome.End, _ output: [UInt8] = [], _ error: [UInt8] = []) -> ExecOutcome {
        var outcome = ExecOutcome(end)
        outcome.output = .init(kept: output, count: output.count)
        outcome.error = .init(kept: error, count: error.count)
        (outcome.startMs, outcome.time) = (1_700_000_000_007, .microseconds(1_500_042))
        return outcome
    }

    private static let times = #""start":1700000000.007,"seconds":1.500042}"#

    @Test func aCommandIsToldWhichTaskItIs() throws {
        let (_, asked) = try run(
            outcome(.exited(0)),
            params: #"{"command":["x","{}"],"env":{"B":"2","A":"1"},"stdin":"in","killAfter":1,"outputMax":9}"#,
            input: #"["v w","z"]"#)
        #expect(asked.arguments.map { String(decoding: $0, as: UTF8.self) } == ["x", "v w", "z"])
        #expect(asked.variables.map { String(decoding: $0, as: UTF8.self) } == ["A=1", "B=2"])
        #expect(
            asked.marks.map { String(decoding: $0, as: UTF8.self) } == [
                "MUSTER_JOB=17", "MUSTER_TASK=4", "MUSTER_ATTEMPT=2", "MUSTER_SLOT=3", "MUSTER_VALUE=v w z",
            ])
        #expect((asked.input, asked.outputMax) == (Array("in".utf8), 9))
        #expect((asked.killAfter, asked.timeout) == (.seconds(1), .seconds(5)))
    }

    @Test func aCommandIsToldItsContainer() throws {
        let commands = Commands(ExecOutcome(.exited(0)))
        for (params, network) in [(#""image":"a/b:1","network":true"#, true), (#""image":"a/b:1""#, false)] {
            let text = Array("{\"command\":[\"ls\"],\(params)}".utf8)
            let kernel = try ExecKernel(params: JSONFields(body: text)).on(commands)
            var task = KernelTask(index: 0, attempt: 1, input: nil)
            (task.cpus, task.memoryBytes) = (2, 5)
            _ = try kernel.run(task, Cancellation())
            let image = TaskImage(name: "a/b:1", hasNetwork: network, cpus: 2, memoryBytes: 5)
            #expect(commands.asked.withLock { $0.last?.image } == image)
        }
    }

    /// In a container they are counted from 0.
    @Test(arguments: [(#""image":"a","#, "0,1"), ("", "2,5")])
    func aCommandIsToldItsGPUs(_ image: String, _ visible: String) throws {
        let commands = Commands(ExecOutcome(.exited(0)))
        let params = Array("{\(image)\"command\":[\"ls\"],\"env\":{\"CUDA_VISIBLE_DEVICES\":\"9\"}}".utf8)
        let kernel = try ExecKernel(params: JSONFields(body: params)).on(commands)
        var task = KernelTask(index: 0, attempt: 1, input: nil)
        task.gpus = [2, 5]
        _ = try kernel.run(task, Cancellation())
        let asked = try #require(commands.asked.withLock { $0.last })
        #expect(asked.variables == [Array("CUDA_VISIBLE_DEVICES=\(visible)".utf8)])
        #expect(asked.image?.gpus == (image.isEmpty ? nil : [2, 5]))
    }

    @Test func aShellTextGoesToTheShell() throws {
        let (_, asked) = try run(outcome(.exited(0)), params: #"{"shell":"-x {#} {%} {}"}"#, input: #""it's""#)
        #expect(
            asked.arguments.map { String(decoding: $0, as: UTF8.self) } == [
                "/bin/sh", "-c", #" -x 5 3 'it'\''s'"#,
            ])
    }

    @Test(
        arguments: [
            (.exited(0), nil, 0), (.exited(3), "exit code 3", 3), (.exited(255), "exit code 255", 255),
            (.notFound("nosuch"), "not found: nosuch (127)", 127),
            (.notExecutable("x: Permission denied"), "not executable: x: Permission denied (126)", 126),
        ] as [(ExecOutcome.End, String?, Int)])
    func ends(_ end: ExecOutcome.End, _ reason: String?, _ code: Int) throws {
        let value = "{\"exitCode\":\(code),\"stdout\":\"o\",\"stderr\":\"e\"," + Self.times
        switch try run(outcome(end, Array("o".utf8), Array("e".utf8))).result {
        case .success(let found): #expect(reason == nil && found == value)
        case .failure(let failure):
            #expect(failure == TaskFailure(reason ?? "", value: Array(value.utf8)))
        }
    }

    @Test(arguments: [(15, "TERM"), (9, "KILL"), (11, "SEGV"), (34, "RTMIN"), (36, "RTMIN+2")])
    func signals(_ number: Int, _ name: String) throws {
        guard case .failure(let failure) = try run(outcome(.signalled(number))).result else {
            Issue.record("it has not failed")
            return
        }
        #expect(failure.reason == "ended by signal \(name) (\(number))")
        let value = "{\"exitCode\":\(128 + number),\"signal\":\"\(name)\"," + Self.times
        #expect(String(decoding: failure.value ?? [], as: UTF8.self) == value)
    }

    @Test func aTimeoutIsAFailureWhateverTheExitCode() throws {
        for (wasKilled, words) in [(false, "TERM sent"), (true, "TERM sent, then KILL")] {
            var ended = outcome(.exited(0))
            (ended.stop, ended.wasKilled) = (.timeout, wasKilled)
            guard case .failure(let failure) = try run(ended).result else {
                Issue.record("it has not failed")
                continue
            }
            #expect(failure.reason == "timed out after 5 s (\(words))")
        }
    }

    @Test func tooManyProcessesAreAFailure() throws {
        var ended = outcome(.signalled(9))
        (ended.stop, ended.wasKilled) = (.processes(most: 20), true)
        guard case .failure(let failure) = try run(ended).result else {
            Issue.record("it has not failed")
            return
        }
        #expect(failure.reason == "more than 20 processes (KILL sent)")
    }

    @Test func whatIsNotUTF8ComesAsBase64AndWhatIsCutSaysSo() throws {
        var ended = outcome(.exited(0), [0xFF, 0x01], Array("aü".utf8.dropLast()))
        ended.error.count = 100
        let value =
            #"{"exitCode":0,"stdoutBase64":"/wE=","stderr":"a","stderrCut":true,"stderrBytes":100,"# + Self.times
        #expect(try run(ended).result == .success(value))
    }

    @Test(arguments: [UInt8(0x01), 0xFF, 0x61, 0xC3])
    func aValueIsNeverTooLong(_ byte: UInt8) throws {
        let much = [UInt8](repeating: byte, count: ExecKernel.outputBytesMax)
        let value = outcome(.exited(0), much, much).value(atMost: Limits.valueBytesMax)
        #expect(value.count <= Limits.valueBytesMax && value.count > Limits.valueBytesMax / 3)
        var fields = try JSONFields(JSONValue(parsing: value), path: "")
        #expect(try fields.int("stdoutBytes", in: 0...Int.max) == much.count)
    }

    @Test func aWorkerThatMayNotRunThemHandsThemBack() throws {
        let kernel = try KernelTable.kernel("exec", params: Array(#"{"shell":"a"}"#.utf8))
        #expect(throws: TaskFailure("this worker may not run commands (--allow-exec)", isOwnFault: true)) {
            try kernel.run(KernelTask(index: 0, attempt: 1, input: nil), Cancellation())
        }
    }

    @Test func textsOfAnyBytes() throws {
        for count in 0..<20 {
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ 200) }
            #expect(Base64.decoded(Base64.encoded(bytes)) == bytes)
        }
        for wrong in ["=", "A", "A===", "AA=A", "A A=", "AAAA=", "ÄÄ"] {
            #expect(Base64.decoded(wrong) == nil)
        }
    }
}
