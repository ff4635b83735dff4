import FoundationEssentials
import Glibc
import MusterFileTransfer
import Testing

/// What was left of files that came, by processes that died.
@Suite struct PartsFolderTests {
    /// A new folder, open, that is gone afterwards.
    private func withFolder(_ body: (_ path: String, _ folder: Int32) throws -> Void) throws {
        var template = Array("/tmp/muster-parts-XXXXXX".utf8CString)
        let path = String(cString: mkdtemp(&template))
        defer { try? FileManager.default.removeItem(atPath: path) }
        let folder = open(path, O_RDONLY | O_DIRECTORY)
        defer { close(folder) }
        try body(path, folder)
    }

    private func names(_ path: String) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted()
    }

    private func write(_ name: String, in folder: Int32) {
        let file = openat(folder, name, O_WRONLY | O_CREAT, 0o600)
        #expect(file >= 0)
        close(file)
    }

    @Test func itGoesWithAllThatIsInIt() throws {
        try withFolder { path, folder in
            let parts = try PartsFolder(in: folder)
            write("1", in: parts.descriptor)
            #expect(names(path).count == 1)
            parts.remove()
            #expect(names(path).isEmpty)
        }
    }

    /// One that nobody holds goes, whatever is in it; one that somebody holds stays, and so does what is no such folder.
    @Test func whatNobodyHoldsGoes() throws {
        try withFolder { path, folder in
            let held = try PartsFolder(in: folder)
            write("1", in: held.descriptor)
            let others = [".muster-parts-file", "muster-parts-x", ".muster-other"]
            write(others[0], in: folder)
            for name in others[1...] + [".muster-parts-a", ".muster-parts-b"] { mkdirat(folder, name, 0o700) }
            for name in ["1", "2", "lock"] {
                try Data("x".utf8).write(to: URL(filePath: path + "/.muster-parts-a/" + name))
            }
            try PartsFolder.removeLeft(in: folder)
            let left = names(path).filter { !others.contains($0) }
            #expect(left.count == 1 && names(path).count == 4, "\(names(path))")
            #expect(names("\(path)/\(left[0])") == ["1", "lock"])
            held.remove()
            #expect(names(path).count == 3)
        }
    }

    /// The lock ends with the process that has it.
    @Test func aKilledProcessHoldsNothing() throws {
        try withFolder { path, folder in
            mkdirat(folder, ".muster-parts-c", 0o700)
            let script = "cd \(path)/.muster-parts-c && flock -n lock sh -c 'echo >1; echo locked; exec sleep 1000'"
            let pipe = try #require(popen(script, "r"))
            var line = [CChar](repeating: 0, count: 32)
            #expect(fgets(&line, 32, pipe) != nil)
            try PartsFolder.removeLeft(in: folder)
            #expect(names("\(path)/.muster-parts-c") == ["1", "lock"])
            for pid in names("/proc").compactMap({ pid_t($0) })
            where (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(pid)/cwd"))?.hasPrefix(path)
                == true
            {
                kill(pid, SIGKILL)
            }
            pclose(pipe)
            // Those that were killed may take a moment to be gone.
            for _ in 0..<1_000 where !names(path).isEmpty {
                try PartsFolder.removeLeft(in: folder)
                usleep(10_000)
            }
            #expect(names(path).isEmpty)
        }
    }

    /// Many make theirs while others look for what was left: nobody loses one that is in use.
    @Test func nobodyTakesWhatIsBeingMade() async throws {
        var template = Array("/tmp/muster-parts-XXXXXX".utf8CString)
        let path = String(cString: mkdtemp(&template))
        defer { try? FileManager.default.removeItem(atPath: path) }
        let folder = open(path, O_RDONLY | O_DIRECTORY)
        defer { close(folder) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for thread in 0..<4 {
                group.addTask {
                    for _ in 0..<200 {
                        try PartsFolder.removeLeft(in: folder)
                        if thread % 2 == 0 { continue }
                        let parts = try PartsFolder(in: folder)
                        let file = openat(parts.descriptor, "1", O_WRONLY | O_CREAT, 0o600)
                        close(file)
                        try PartsFolder.removeLeft(in: folder)
                        #expect(file >= 0 && faccessat(parts.descriptor, "1", F_OK, 0) == 0)
                        parts.remove()
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(names(path).isEmpty)
    }
}
