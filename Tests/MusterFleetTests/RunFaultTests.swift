import FoundationEssentials
import Glibc
import MusterCore
import MusterTestKit
import Testing

/// Commands with files, while what carries them dies, is away or is full.
@Suite(.timeLimit(.minutes(5))) struct RunFaultTests {
    private static let noRoom = "No space left on device"

    /// A script that goes on beside the test.
    private func beside(_ place: FilePlace, _ text: String) -> Task<ScriptOutcome, any Error> {
        Task { [fleet = place.fleet] in try await fleet.script(text) }
    }

    // MARK: Deaths

    /// Each value has one result, and its file, whole; commands that ran when the coordinator died are run again.
    @Test func theCoordinatorIsKilledTwentyTimes() async throws {
        let (count, kills) = (1_000, 20)
        try await FilePlace.run(workers: 2, slots: 2) { place in
            let fleet = place.fleet
            let made = try await place.script(
                "mkdir in; for i in $(seq \(count)); do head -c 3000 /dev/urandom >in/$i; done")
            #expect(made.code == 0)
            let running = beside(
                place,
                "muster run --joblog log --send in/{} --return out/{} 'sleep 0.04; mkdir out; cp in/{} out/{}; echo {}' ::: $(seq \(count))"
            )
            func logged() -> Int { ((try? fleet.folder.read("log")) ?? []).count { $0 == 0x0A } }
            var (before, early) = (0, 0)
            for kill in 1...kills {
                let now = try await eventually("it goes on before kill \(kill)") {
                    logged() >= min(before + count / (kills + 10), count) ? logged() : nil
                }
                before = now
                if now < count { early += 1 }
                await fleet.coordinator.kill()
                // Every fourth has no time to come up.
                if kill % 4 == 0 { try await fleet.startAndKillCoordinator(after: .milliseconds(kill * 3)) }
                try await fleet.startCoordinator()
            }
            let run = try await running.value
            #expect(run.code == 0 && early > kills / 2, "\(early) kills amid work; \(run.errors)")
            #expect(run.text == (1...count).map { "\($0)\n" }.joined(), "not each value once, in order")
            let log = try await place.script(
                "tail -n +2 log | cut -f 7,9 | sort -u | wc -l; wc -l <log; diff -r in out")
            #expect(log.code == 0 && log.text == "\(count)\n\(count + 1)\n", "\(log.text) \(log.errors)")
            let results = try await fleet.results(of: JobID(1))
            #expect(results.map(\.task) == Array(0..<count))
            #expect(place.names().filter { $0.hasPrefix(".muster") }.isEmpty)
        }
    }

    /// The next one in that folder that has files removes it, before it reads any.
    @Test func whatAKilledRunLeftHalfBroughtIsRemoved() async throws {
        try await FilePlace.run { place in
            let script = """
                mkdir here && cd here || exit 1
                muster run --return big --return-as out/{} 'head -c 150000000 /dev/zero >big; : {}' ::: 1 2 3 & echo $! >../pid; wait $!
                """
            let running = beside(place, script)
            func parts() -> [String] { place.names("here").filter { $0.hasPrefix(".muster-parts-") } }
            try await eventually("bytes come") { parts().contains { place.names("here/\($0)").contains("1") } }
            #expect(try await place.script("kill -9 $(cat pid)").code == 0)
            #expect(try await running.value.code == 137)
            #expect(parts().count == 1)
            #expect(Set(place.names("here/out")).isSubset(of: ["1", "2", "3"]))
            let next = try await place.script("cd here; muster run --send . 'ls -A | grep -c parts; echo {}' ::: other")
            #expect(next.code == 0 && next.text == "0\nother\n" && parts().isEmpty, "\(next.text) \(next.errors)")
            let back = try await place.script("cd here; muster attach 1; cat out/1 out/2 out/3 | wc -c")
            #expect(back.text == "450000000\n", "\(back.text) \(back.errors)")
        }
    }

    // MARK: Full disks

    /// What the job waits for names the place; what was half there is gone; with room it goes on by itself.
    @Test(
        .enabled(if: FilePlace.canFill, "only root may mount a small disk"), arguments: [["cache"], ["w0"]])
    func noRoomAtAWorker(_ folders: [String]) async throws {
        try await FilePlace.run(disks: Dictionary(uniqueKeysWithValues: folders.map { ($0, 8 << 20) })) { place in
            let folder = place.fleet.folder.path + "/" + folders[0]
            let disk = try #require(place.disks[folders[0]])
            _ = try await place.script("head -c 3000000 /dev/urandom >a")
            disk.fill()
            let running = beside(place, "muster run --send a --return {} 'cp a {}; chmod u+w {}; echo ran' ::: b")
            try await eventually("it is told why") {
                let told = try await place.script("muster job 1")
                return told.text.contains(Self.noRoom) && told.text.contains(folder + "/")
            }
            let left = try await place.script("find cache w0 -path '*/.coming/*' -o -path '*/tasks/*'")
            #expect(left.text.isEmpty, "\(left.text)")
            disk.makeRoom()
            let run = try await running.value
            #expect(run.code == 0 && run.text == "ran\n", "\(run.errors)")
            #expect(try await place.script("cmp a b").code == 0)
        }
    }

    /// Nothing is sent, or the task fails, and the origin is named.
    @Test(.enabled(if: FilePlace.canFill, "only root may mount a small disk"))
    func noRoomAtTheOrigin() async throws {
        try await FilePlace.run(disks: ["origin": 16 << 20]) { place in
            let disk = try #require(place.disks["origin"])
            _ = try await place.script(
                "head -c 3000000 /dev/urandom >large; mkdir small; for i in 1 2 3; do head -c 500000 /dev/urandom >small/$i; done"
            )
            let running = beside(
                place,
                "muster run --return {} 'until [ -e \(place.fleet.folder.path)/go ]; do sleep 0.05; done; head -c 3000000 /dev/zero >{}' ::: out"
            )
            try await eventually("it runs") { try await place.fleet.muster("jobs").output.count == 2 }
            disk.fill()
            for name in ["large", "small"] {
                let send = try await place.script("muster run --send \(name) 'ls; : {}' ::: 1")
                #expect(send.code == 74 && send.output.isEmpty, "\(send.code)")
                #expect(
                    send.errors.contains("the origin \(place.origin.url) has no room")
                        && send.errors.contains("no job was made"), "\(send.errors)")
            }
            try place.write("go", "")
            let back = try await running.value
            #expect(back.code == 1 && back.errors.contains("failed: \"out\": "), "\(back.errors)")
            #expect(back.errors.contains("the origin \(place.origin.url) has no room"), "\(back.errors)")
            #expect(!place.names().contains("out"))
            disk.makeRoom()
            let left = try await place.script("find origin/origin/files -type f -size +10k")
            #expect(left.text.isEmpty, "\(left.text)")
            let again = try await place.script(
                "muster run --send large --send small --return {} 'cat large small/* >{}' ::: out; cat large small/* | cmp - out"
            )
            #expect(again.code == 0, "\(again.errors)")
        }
    }

    /// The file that does not fit is named, the job goes on, and `attach` brings the rest when there is room.
    @Test(.enabled(if: FilePlace.canFill, "only root may mount a small disk"))
    func noRoomWhereFilesComeTo() async throws {
        try await FilePlace.run(disks: ["here": 8 << 20]) { place in
            let disk = try #require(place.disks["here"])
            disk.fill()
            let log = try await place.script("cd here; muster run --joblog log 'echo {}' ::: 1")
            #expect(log.code == 74 && log.errors.contains("job log log: \(Self.noRoom)"), "\(log.code) \(log.errors)")
            let run = try await place.script(
                "cd here; muster run --return {}.out 'head -c 1000000 /dev/zero >{}.out' ::: a b c")
            #expect(run.code == 74 && run.errors.contains(".out: \(Self.noRoom)"), "\(run.code) \(run.errors)")
            #expect(run.errors.contains("goes on: 'muster attach"), "\(run.errors)")
            #expect(place.names("here").filter { !["ballast", "log"].contains($0) }.isEmpty, "\(place.names("here"))")
            disk.makeRoom()
            let back = try await place.script(
                "cd here; muster attach $(muster jobs --json | tr , '\\n' | sed -n 's/.*\"id\":\\([0-9]*\\).*/\\1/p' | sort -n | tail -1); cat *.out | wc -c"
            )
            #expect(back.code == 0 && back.text == "3000000\n", "\(back.text) \(back.errors)")
        }
    }

    // MARK: Away

    /// Workers fetch by an edge that dies while they do, and comes back.
    @Test func theEdgeIsAway() async throws {
        try await FilePlace.run(workers: 0) { place in
            let fleet = place.fleet
            let edge = try await ServerProcess(
                fleet,
                [
                    "edge", "--id", "1", "--data", fleet.folder.path + "/edge", "--upstream", place.origin.url,
                    "--fleet-upstream", "--join", fleet.url,
                ])
            _ = try fleet.startWorker("w", slots: 1, flags: ["--allow-exec", "--origin", edge.url])
            _ = try await place.script("mkdir in; for i in $(seq 40); do head -c 1500000 /dev/urandom >in/$i; done")
            let running = beside(
                place, "muster run --send in/{} --return out/{} 'mkdir out; cp in/{} out/{}; sleep 0.1' ::: $(seq 40)")
            func came() -> Int { place.names("out").count }
            try await eventually("some came") { came() > 3 }
            await edge.process.kill()
            try await Task.sleep(for: .seconds(2))
            #expect(came() < 40)
            try await edge.start()
            let run = try await running.value
            #expect(run.code == 0, "\(run.errors)")
            #expect(try await place.script("diff -r in out").code == 0)
            // Those that came after it was back went by it.
            #expect(try await place.requests(of: edge) > 10)
        }
    }

    /// Neither devices nor sockets are taken, in folders no more than by themselves.
    @Test(.enabled(if: geteuid() == 0, "only root may make a device"))
    func devicesAndSocketsStay() async throws {
        try await FilePlace.run { place in
            let run = try await place.script(
                """
                muster run --return {} 'case {} in device) mknod device c 1 3;; folder) mkdir folder; mknod folder/d b 7 0;;
                socket) python3 -c "import socket; socket.socket(socket.AF_UNIX).bind(\\"socket\\")";; *) echo x >{};; esac' ::: device folder socket file
                """)
            #expect(run.code == 1 && run.errors.contains("3 of 4 tasks failed"), "\(run.errors)")
            for words in ["device is a device", "folder/d is a device", "socket is a socket"] {
                #expect(run.errors.contains(words), "\(words): \(run.errors)")
            }
            #expect(place.names().contains("file"))
            #expect(Set(place.names()).isDisjoint(with: ["device", "folder", "socket"]))
        }
    }

    /// Names and values that are no text go there and come back.
    @Test func namesThatAreNoText() async throws {
        try await FilePlace.run { place in
            let run = try await place.script(
                """
                for v in $'a\\xff' $'b\\n' "c'"; do printf %s "$v" >"$v"; done
                printf '%s\\0' $'a\\xff' $'b\\n' "c'" | muster run -0 --send {} --return {}.out 'cp {} {}.out' || exit 1
                for v in $'a\\xff' $'b\\n' "c'"; do cmp "$v" "$v.out" || exit 2; done
                """)
            #expect(run.code == 0, "\(run.code) \(run.errors)")
        }
    }
}
