import MusterAPI
import MusterCommandLine
import MusterRun
import MusterTestKit
import Testing

/// The job log, and the folder of results.
@Suite struct RunFilesTests {
    private func end(_ task: Int, code: Int = 0) -> TaskEnd {
        var end = TaskEnd(task: task)
        (end.worker, end.exitCode, end.start, end.seconds) = ("w", code, 1.5, 0.25)
        if code != 0 { end.reason = "exit code \(code)" }
        end.stdout = Array("out\n".utf8)
        return end
    }

    private func withFolder(_ body: (ScratchFolder) throws -> Void) throws {
        let folder = try ScratchFolder()
        defer { folder.remove() }
        try body(folder)
    }

    private func text(_ folder: ScratchFolder, _ name: String) throws -> String {
        String(decoding: try folder.read(name), as: UTF8.self)
    }

    @Test func aLogHasALineForEachTask() throws {
        try withFolder { folder in
            let log = try JobLogFile(folder.path + "/log", resumes: nil)
            try log.append(end(0), number: 1, command: Array("echo a".utf8))
            try log.append(end(1, code: 3), number: 2, command: Array("echo\nb".utf8))
            let header = "Seq\tHost\tStarttime\tJobRuntime\tSend\tReceive\tExitval\tSignal\tCommand\n"
            #expect(
                try text(folder, "log") == header + "1\tw\t1.500\t     0.250\t0\t4\t0\t0\techo a\n"
                    + "2\tw\t1.500\t     0.250\t0\t4\t3\t0\techo\0b\n")
        }
    }

    @Test func aLogIsGoneOnWith() throws {
        try withFolder { folder in
            let path = folder.path + "/log"
            do {
                let log = try JobLogFile(path, resumes: .missing)
                #expect(log.isEmpty)
                try log.append(end(0), number: 1, command: Array("a".utf8))
                try log.append(end(1, code: 3), number: 2, command: Array("b".utf8))
            }
            let before = try folder.read("log")
            // Its writer died in the middle of a line.
            try folder.write(before + Array("3\tw\t1.5".utf8), to: "log")
            do {
                let log = try JobLogFile(path, resumes: .missing)
                #expect(try folder.read("log") == before && log.lastNumber == 2)
                #expect(log.takes(Array("a".utf8)) && log.takes(Array("b".utf8)) && !log.takes(Array("c".utf8)))
                #expect(!log.takes(Array("a".utf8)), "it stands there once")
                #expect(log.skipped == 2 && log.skippedFailures == 1)
            }
            do {
                let log = try JobLogFile(path, resumes: .failed)
                #expect(log.takes(Array("a".utf8)) && !log.takes(Array("b".utf8)) && log.skippedFailures == 0)
                try log.append(end(0), number: 3, command: Array("b".utf8))
            }
            let log = try JobLogFile(path, resumes: .missing)
            #expect(log.takes(Array("b".utf8)) && log.skippedFailures == 0, "it succeeded after all")
        }
    }

    @Test func aLogOfAnotherRunIsLeftAlone() throws {
        try withFolder { folder in
            let path = folder.path + "/log"
            try folder.write(Array("something else\n".utf8), to: "log")
            for resumes in [nil, RunFlags.Resume.missing] {
                let error = #expect(throws: CommandError.self) { try JobLogFile(path, resumes: resumes) }
                #expect(error?.exitCode == (resumes == nil ? .cannotCreate : .data), "\(error?.message ?? "")")
            }
            #expect(try text(folder, "log") == "something else\n")
            let first = try JobLogFile(folder.path + "/new", resumes: nil)
            #expect(throws: CommandError.self) { try JobLogFile(folder.path + "/new", resumes: .missing) }
            #expect(first.isEmpty)
        }
    }

    @Test func aFolderHasAFolderForEachTask() throws {
        try withFolder { folder in
            let results = try ResultsFolder(folder.path + "/r", command: Array("echo".utf8), goesOn: false)
            try results.write(end(0, code: 3), number: 7)
            #expect(folder.names(in: "r") == ["7", "command"])
            #expect(folder.names(in: "r/7") == ["exitcode", "stderr", "stdout"])
            #expect(try text(folder, "r/7/stdout") == "out\n")
            #expect(try text(folder, "r/7/exitcode") == "3\n")
            #expect(throws: CommandError.self) { try results.write(end(0), number: 7) }
        }
    }

    @Test func aFolderBelongsToOneCommand() throws {
        try withFolder { folder in
            let path = folder.path + "/r"
            let first = try ResultsFolder(path, command: Array("echo".utf8), goesOn: false)
            try first.write(end(0), number: 7)
            for (command, goesOn) in [("echo", false), ("echo x", true), ("ech", true)] {
                #expect(throws: CommandError.self) {
                    try ResultsFolder(path, command: Array(command.utf8), goesOn: goesOn)
                }
            }
            #expect(try ResultsFolder(path, command: Array("echo".utf8), goesOn: true).lastNumber == 7)
            try folder.write([], to: "file")
            #expect(throws: CommandError.self) {
                try ResultsFolder(folder.path, command: Array("echo".utf8), goesOn: true)
            }
            // No job came of it.
            try ResultsFolder(folder.path + "/none", command: Array("echo".utf8), goesOn: false).abandon()
            first.abandon()
            #expect(folder.names(in: "") == ["file", "r"])
            #expect(folder.names(in: "r/7").count == 3)
        }
    }
}
