import FoundationEssentials
import Glibc
import MusterAPI
import MusterCrypto
import MusterServerKit
import MusterSystem
import Testing

/// Several processes that share one cache.
@Suite(.timeLimit(.minutes(2))) struct FileCacheProcessTests {
    private static let probe: String = {
        let own = realpath("/proc/self/exe", nil)!
        defer { free(own) }
        let path = String(cString: own)
        return path[...path.lastIndex(of: "/")!] + "FileCacheProbe"
    }()

    /// A folder with files to be had, and whatever else a test makes there.
    private static func withSources(_ files: [[UInt8]], _ body: @Sendable (String) throws -> Void) throws {
        let folder = "/tmp/muster-file-cache-\(UInt64.random(in: 0...UInt64.max))"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        for path in ["", "/sources", "/out"] { mkdir(folder + path, 0o700) }
        for bytes in files {
            let name = FileDigest(bytes: SHA256.digest(of: bytes))
            try Data(bytes).write(to: URL(filePath: "\(folder)/sources/\(name)"))
        }
        try body(folder)
    }

    /// Runs a script in the folder; its output. By bash: a plain shell waits for signals, which this process's threads block.
    private static func shell(_ script: String, in folder: String) throws -> String {
        try Data("P='\(probe)'\n\(script)\n".utf8).write(to: URL(filePath: folder + "/script"))
        guard let pipe = popen("cd '\(folder)' && exec bash script 2>&1", "re") else { return "" }
        var (bytes, piece) = ([UInt8](), [UInt8](repeating: 0, count: 65_536))
        while true {
            let count = fread(&piece, 1, piece.count, pipe)
            if count == 0 { break }
            bytes += piece[..<count]
        }
        pclose(pipe)
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test func eachFileIsFetchedOnceByAllOfThem() throws {
        let files = (0..<20).map { noise(20_000 + $0 * 1_000) }
        try Self.withSources(files) { folder in
            let output = try Self.shell(
                "for i in 1 2 3 4 5 6; do \"$P\" cache 100000000 sources out 3 & done; wait", in: folder)
            let lines = output.split(separator: "\n")
            #expect(lines.count { $0 == "done" } == 6, "\(output)")
            #expect(lines.count { $0.hasPrefix("fetched") } == 20)
            #expect(listDirectory(folder + "/cache/.coming").isEmpty)
        }
    }

    /// A cache that is too small for what they want at once: it lets go and fetches again, and nobody gets another file or none.
    @Test func theyLetGoUnderEachOther() throws {
        let files = (0..<20).map { noise(20_000 + $0 * 1_000) }
        try Self.withSources(files) { folder in
            let output = try Self.shell(
                "for i in 1 2 3 4; do \"$P\" cache 150000 sources out 5 2>&1 & done; wait", in: folder)
            #expect(output.split(separator: "\n").count { $0 == "done" } == 4, "\(output.suffix(500))")
            let held = listDirectory(folder + "/cache").filter { !$0.hasPrefix(".") }.flatMap { start in
                listDirectory("\(folder)/cache/\(start)").map { "\(folder)/cache/\(start)/\($0)" }
            }
            let sum = held.reduce(0) { sum, path in
                var status = stat()
                return lstat(path, &status) == 0 ? sum + Int(status.st_size) : sum
            }
            #expect(sum <= 150_000)
        }
    }

    /// SIGKILL in the middle of a fetch: the next one has the lock, and fetches all of it.
    @Test func oneThatIsKilledHoldsNobodyUp() throws {
        try Self.withSources([noise(100_000)]) { folder in
            let output = try Self.shell(
                """
                "$P" cache 1000000 sources out 1 endless >first & A=$!
                until grep -q fetched first; do sleep 0.02; done
                "$P" cache 1000000 sources out 1 >second & B=$!
                sleep 0.3; test -s second && echo early
                kill -9 $A; wait $B; cat second
                """, in: folder)
            #expect(output.split(separator: "\n").suffix(2).last == "done" && !output.contains("early"), "\(output)")
            #expect(output.contains("fetched"))
            #expect(listDirectory(folder + "/cache/.coming").isEmpty)
        }
    }

    /// Nobody wants that file again; the next process that comes up removes it. What is being fetched stays.
    @Test func whatAKilledFetchLeftIsRemoved() throws {
        try Self.withSources([noise(100_000)]) { folder in
            let output = try Self.shell(
                """
                "$P" cache 1000000 sources out 1 endless >first & A=$!
                until grep -q fetched first; do sleep 0.02; done
                "$P" cache 1000000 sources out 0; echo "there: $(ls cache/.coming | wc -l)"
                kill -9 $A; wait $A
                "$P" cache 1000000 sources out 0; echo "there: $(ls cache/.coming | wc -l)"
                """, in: folder)
            let lines = output.split(separator: "\n").filter { $0.hasPrefix("there") }
            #expect(lines == ["there: 1", "there: 0"], "\(output)")
        }
    }
}
