import FoundationEssentials
import Glibc
import MusterAPI
import MusterCore
import MusterHTTPClient
import MusterTestKit
import MusterWire
import Testing

/// Files of `muster run`, on real workers, by a real origin.
@Suite(.timeLimit(.minutes(5))) struct RunFileTests {
    @Test func filesGoAlongAndComeBack() async throws {
        try await FilePlace.run { place in
            try place.write("common", "c")
            for name in ["a", "b", "a b"] { try place.write("\(name).txt", "I am \(name)\n") }
            let run = try await place.fleet.script(
                """
                muster run --send common --send {} --return out/{.}.up 'test -r common; mkdir out
                ls; tr a-z A-Z <{} >out/{.}.up' ::: a.txt b.txt 'a b.txt'
                """)
            #expect(run.code == 0, "\(run.errors)")
            #expect(run.text == "a.txt\ncommon\nout\nb.txt\ncommon\nout\na b.txt\ncommon\nout\n")
            #expect(place.names("out") == ["a b.up", "a.up", "b.up"])
            #expect(try place.text("out/a b.up") == "I AM A B\n")
            // What is there is left alone, before anything is run.
            let again = try await place.fleet.script("muster run --return out/{.}.up 'exit 1' ::: a.txt")
            #expect(
                again.code == 73 && again.errors.contains("out/a.up, which \"a.txt\" is to return, is there"),
                "\(again.errors)")
            #expect(try await place.fleet.script("muster jobs").lines.count == 2)
            let over = try await place.fleet.script(
                "muster run --overwrite --return out/{.}.up 'mkdir out; echo new >out/{.}.up' ::: a.txt")
            #expect(over.code == 0, "\(over.errors)")
            #expect(try place.text("out/a.up") == "new\n")
            #expect(place.names().filter { $0.hasPrefix(".muster") }.isEmpty && place.names("out").count == 3)
        }
    }

    /// A large file is fetched once by the machine, whoever needs it, and may be run where it could be run before.
    @Test func aLargeFileIsFetchedOnce() async throws {
        try await FilePlace.run(workers: 3) { place in
            let made = try await place.fleet.script(
                "(echo '#!/bin/sh'; echo 'wc -c <$0; stat -c %a $0; exit 0'; head -c 40000000 /dev/urandom) >big; chmod 700 big"
            )
            #expect(made.code == 0)
            let run = try await place.fleet.script(
                "muster run --send big --return big.{#} './big; sleep 0.2; ln big big.{#}' ::: $(seq 12)")
            #expect(run.code == 0, "\(run.errors)")
            #expect(run.lines.count == 24 && Set(run.lines) == ["40000043", "555"], "\(Set(run.lines))")
            #expect(
                try await place.fleet.script("for i in $(seq 12); do cmp big big.$i && test -x big.$i; done").code == 0)
        }
    }

    @Test func namesInAnotherFolderAndNamesThatLeadOut() async throws {
        try await FilePlace.run { place in
            let folder = place.fleet.folder.path
            _ = try await place.fleet.script("mkdir in here; echo x >in/x; echo y >in/y")
            let marked = try await place.fleet.script("cd here; muster run --send ../in/./{} cat ::: x y")
            #expect(marked.code == 0 && marked.text == "x\ny\n", "\(marked.errors)")
            let absolute = try await place.fleet.script("muster run --send \(folder)/in/x cat x ::: 1")
            #expect(
                absolute.code == 65 && absolute.errors.contains("write \(folder)/in/./x to send"), "\(absolute.errors)")
            let out = try await place.fleet.script("cd here; muster run --send ../in/x cat x ::: 1")
            #expect(out.code == 65 && out.errors.contains("../in/./x"), "\(out.errors)")
            for (flags, words) in [
                ("--return ../{}", "leads out"), ("--return /etc/{}", "begins with /"), ("--return-as x", "each names"),
                ("--return {} --return-as {%}", "{%}"), ("--send nosuch", "nosuch"), ("--return .", "no file"),
                ("--workdir ../x", "leads out"), ("--send {2}", "{2}"), ("--send /dev/null", "/dev/./null"),
                ("--send /dev/./null", "a device"),
            ] {
                let run = try await place.fleet.script("muster run \(flags) echo ::: a")
                #expect(
                    [64, 65].contains(run.code) && run.errors.contains(words), "\(flags): \(run.code) \(run.errors)")
            }
            #expect(try await place.fleet.script("muster jobs").lines.count == 2, "only the good one became a job")
            let inner = try await place.fleet.script(
                "muster run --send in/x --workdir a/{} --return a/{}/z 'pwd | sed s,.*/tasks/[0-9]*,,; cat ../../in/x; echo z{} >z' ::: 1"
            )
            #expect(inner.code == 0 && inner.text == "/a/1\nx\n", "\(inner.errors)")
            #expect(try place.text("a/1/z") == "z1\n")
        }
    }

    @Test func whatIsNotReturnedFailsTheTask() async throws {
        try await FilePlace.run { place in
            let run = try await place.fleet.script(
                """
                muster run --joblog log --return {} 'echo ran; case {} in a) ;; b) ln -s /etc/passwd b ;; c) mkfifo c ;;
                d) mkdir e; ln -s e d ;; g) echo good >g ;; h) exit 3 ;; i/j) ln -s /etc i;; esac' ::: a b c d g h i/j
                """)
            #expect(run.code == 1 && run.lines.count == 7)
            for words in [
                "\"a\": what it should return cannot be taken: a is not there",
                "\"b\": what it should return cannot be taken: b is a symbolic link",
                "c is a pipe", "d is a symbolic link", "\"h\": exit code 3",
            ] { #expect(run.errors.contains(words), "\(words): \(run.errors)") }
            #expect(run.errors.contains("6 of 7 tasks failed"))
            #expect(place.names().filter { ["a", "b", "c", "d", "h", "i"].contains($0) }.isEmpty)
            #expect(try place.text("g") == "good\n")
            let log = try place.text("log").split(separator: "\n").map { $0.split(separator: "\t") }
            #expect(log.count == 8 && log[1...].filter { $0[6] == "0" }.count == 1, "\(log)")
        }
    }

    @Test func foldersGoAlongAndComeBack() async throws {
        try await FilePlace.run { place in
            let made = try await place.fleet.script(
                """
                mkdir -p in/sub/deep in/empty; echo text >in/sub/deep/t; printf '#!/bin/sh\\necho ran\\n' >in/run; chmod 755 in/run
                ln -s sub/deep/t in/link; ln -s ../run in/sub/up; ln -s nowhere in/dangling; echo $'odd' >in/$'a\\xff b'
                """)
            #expect(made.code == 0, "\(made.errors)")
            let run = try await place.fleet.script(
                """
                muster run --send in --return back --return-as got/{} 'in/run; in/sub/up; cat in/link; test -d in/empty
                cp -a in back; chmod -R u+w back; echo more >back/sub/new; ln -s new back/sub/inner; : {}' ::: one
                """)
            #expect(run.code == 0 && run.text == "ran\nran\ntext\n", "\(run.errors)")
            let same = try await place.fleet.script(
                """
                test "$(cat got/one/sub/new)" = more && readlink got/one/sub/inner && rm got/one/sub/new got/one/sub/inner || exit 1
                test -x got/one/run && ! test -x got/one/sub/deep/t && test -w got/one/sub/deep/t || exit 2
                diff -r --no-dereference in got/one
                """)
            #expect(same.code == 0 && same.text == "new\n", "\(same.code) \(same.text) \(same.errors)")
            for (make, words) in [
                ("ln -s /etc bad/l", "bad/l is a link to /etc"), ("ln -s ../x bad/l", "leads out"),
                ("mkfifo bad/p", "bad/p is a pipe"), ("mkdir bad/d; ln -s d/.. bad/l", "leads out"),
            ] {
                let bad = try await place.fleet.script(
                    "rm -rf bad; mkdir bad; \(make); muster run --send bad ls bad ::: 1")
                #expect(bad.code == 65 && bad.errors.contains(words), "\(make): \(bad.errors)")
            }
            let out = try await place.fleet.script("muster run --return r 'mkdir r; ln -s /etc r/{}' ::: l")
            #expect(out.code == 1 && out.errors.contains("r/l is a link to /etc"), "\(out.errors)")
            #expect(!place.names().contains("r"))
            // All that is here, into the task's folder itself.
            let all = try await place.fleet.script("cd in; muster run --send . 'cat sub/deep/t; : {}' ::: 1")
            #expect(all.code == 0 && all.text == "text\n", "\(all.errors)")
        }
    }

    @Test func twoTasksThatReturnOneName() async throws {
        try await FilePlace.run { place in
            let same = try await place.fleet.script("muster run --return out 'echo {} >out' ::: a b")
            #expect(same.code == 65 && same.errors.contains("\"a\" and \"b\" would both return out"), "\(same.errors)")
            #expect(try await place.fleet.script("muster jobs").lines.count <= 1)
            let apart = try await place.fleet.script(
                "muster run --shuf --return out --return-as out.{#} 'echo {} {#} >out' ::: a b c d e f")
            #expect(apart.code == 0, "\(apart.errors)")
            var seen: Set<Substring> = []
            for number in 1...6 {
                let words = try place.text("out.\(number)").split(whereSeparator: \.isWhitespace)
                #expect(words[1] == "\(number)")
                seen.insert(words[0])
            }
            #expect(seen.count == 6)
        }
    }

    /// A file that grows all the time is refused, and named; nothing was run.
    @Test func aFileThatChangesWhileItIsSent() async throws {
        try await FilePlace.run { place in
            let run = try await place.fleet.script(
                """
                head -c 30000000 /dev/urandom >log
                (while echo more >>log; do :; done) & writer=$!
                sleep 0.1
                muster run --send log wc -c log ::: 1; code=$?
                kill $writer
                exit $code
                """)
            #expect(run.code == 65 && run.errors.contains("log was changed while it was"), "\(run.code) \(run.errors)")
            #expect(run.output.isEmpty)
            #expect(try await place.fleet.script("muster jobs").lines.count <= 1)
        }
    }

    @Test func anOriginThatIsAway() async throws {
        try await FilePlace.run { place in
            try place.write("a", "a")
            await place.origin.process.kill()
            let none = try await place.fleet.script(
                "timeout 100 muster run --origin http://127.0.0.1:1 --send a cat a ::: 1")
            #expect(none.code == 69 && none.errors.contains("http://127.0.0.1:1 does not answer"), "\(none.errors)")
            try await place.origin.start()
            // It goes away when all is sent, and comes back while workers and the run wait for it.
            let waiting = Task { [fleet = place.fleet] in
                try await fleet.script(
                    "muster run --send a --return b ': >\(fleet.folder.path)/began; sleep 1; cp a b; : {}' ::: 1")
            }
            try await eventually("it runs") { place.names().contains("began") }
            await place.origin.process.kill()
            try await Task.sleep(for: .seconds(2))
            #expect(!place.names().contains("b"))
            try await place.origin.start()
            let run = try await waiting.value
            #expect(run.code == 0, "\(run.errors)")
            #expect(try place.text("b") == "a")
        }
    }

    // MARK: Edges

    /// Two machines' workers, with a cache each, and edges on another host than the origin's.
    private struct Edges {
        let fleet: Fleet
        let origin: ServerProcess
        let edges: [ServerProcess]
        let workers: [FleetProcess]

        /// Status and bytes of each answer with a file that the server gave, as its access log has them.
        static func answers(_ server: ServerProcess) -> [(status: Int, bytes: Int)] {
            server.process.transcript.output.filter { $0.contains("\"GET /files/") }.map { line in
                let words = line.split(separator: " ").suffix(2).map { Int($0) ?? 0 }
                return (words[0], words[1])
            }
        }
    }

    private func withEdges(_ body: (Edges) async throws -> Void) async throws {
        try await Fleet.run { fleet in
            let log = ["--access-log", "common"]
            let origin = try await ServerProcess(
                fleet, ["origin", "--no-samples", "--data", fleet.folder.path + "/origin", "--join", fleet.url] + log)
            var edges: [ServerProcess] = []
            for id in 1...2 {
                let flags = [
                    "edge", "--id", "\(id)", "--data", "\(fleet.folder.path)/edge-\(id)", "--upstream", origin.url,
                    "--fleet-upstream", "--host", "127.0.0.2", "--join", fleet.url,
                ]
                edges.append(try await ServerProcess(fleet, flags + log))
            }
            let workers = try (0..<2).map { number in
                try fleet.startWorker(
                    "w\(number)", flags: ["--allow-exec", "--files-cache", "\(fleet.folder.path)/cache-\(number)"])
            }
            try await eventually("all are listed") { try await fleet.memberNames().count == 5 }
            try await body(Edges(fleet: fleet, origin: origin, edges: edges, workers: workers))
        }
    }

    /// The origin's bytes go out once: to the edge that both machines ask.
    @Test func anEdgeIsAskedAndTheOriginOnce() async throws {
        try await withEdges { place in
            let size = 30_000_000
            _ = try await place.fleet.script("head -c \(size) /dev/urandom >big")
            let run = try await place.fleet.script(
                "muster run --send big 'sleep 0.5; cat big | sha256sum; echo $MUSTER_WORKER >&2; : {}' ::: $(seq 8); sha256sum <big"
            )
            #expect(run.code == 0 && run.lines.count == 9 && Set(run.lines).count == 1, "\(run.errors)")
            let places = Set(run.errors.split(separator: "\n").filter { $0.hasPrefix("w") })
            #expect(places == ["w0", "w1"], "both have run some")
            try await eventually("edges have told") { place.edges.flatMap(Edges.answers).count == 2 }
            #expect(place.edges.flatMap(Edges.answers).allSatisfy { $0 == (200, size) })
            #expect(place.edges.contains { Edges.answers($0).isEmpty }, "both asked the same one")
            #expect(Edges.answers(place.origin).reduce(0) { $0 + $1.bytes } == size)
        }
    }

    /// Edges are killed while one sends: the origin brings the rest, and what came is not fetched again.
    @Test func anEdgeThatDiesInTheMiddle() async throws {
        try await withEdges { place in
            let (fleet, size) = (place.fleet, 300_000_000)
            _ = try await fleet.script("head -c \(size) /dev/urandom >big")
            let running = Task {
                try await fleet.script("muster run --send big 'cmp big \(fleet.folder.path)/big; : {}' ::: 1")
            }
            try await eventually("a worker has a part") {
                try await fleet.script("find cache-?/.coming -size +10M 2>/dev/null").lines.count == 1
            }
            for edge in place.edges { await edge.process.kill() }
            let run = try await running.value
            #expect(run.code == 0, "\(run.errors)")
            try await eventually("the origin has told") { Edges.answers(place.origin).contains { $0.status == 206 } }
            let rest = Edges.answers(place.origin).filter { $0.status == 206 }
            #expect(rest.count == 1 && rest[0].bytes < size - 10_000_000, "\(rest)")
        }
    }

    /// Nobody waits for edges that are gone, nor for one that has something else.
    @Test func edgesThatAreOfNoUse() async throws {
        try await FilePlace.run(workers: 0) { place in
            try place.write("a", "a")
            let other = try await ServerProcess(
                place.fleet, ["origin", "--no-samples", "--data", place.fleet.folder.path + "/other"])
            _ = try place.fleet.startWorker(
                "w", flags: ["--allow-exec", "--edges", "http://127.0.0.1:1,\(other.url)"])
            let run = try await place.fleet.script("muster run --send a 'cat a; : {}' ::: 1 2")
            #expect(run.code == 0 && run.text == "aa", "\(run.errors)")
        }
    }

    /// Small files do not need a request each.
    @Test func manySmallFilesTakeFewRequests() async throws {
        try await FilePlace.run { place in
            let made = try await place.fleet.script("mkdir in; for i in $(seq 2000); do echo file $i >in/$i; done")
            #expect(made.code == 0)
            let before = try await place.requests()
            let run = try await place.fleet.script(
                "muster run --send in/{} --return out/{} 'mkdir out; sed s/file/done/ in/{} >out/{}' ::: $(seq 2000)")
            #expect(run.code == 0, "\(run.errors)")
            #expect(place.names("out").count == 2_000)
            #expect(try place.text("out/1234") == "done 1234\n")
            let all = try await place.requests() - before
            // One by one they would be three for each task at least.
            #expect((1...2_500).contains(all), "\(all) requests")
        }
    }

    /// Whoever comes back has the files brought as well.
    @Test func attachBringsThem() async throws {
        try await FilePlace.run { place in
            let left = try await place.fleet.script(
                "muster run -d --return {}.out --return-as got/{} 'echo {} >{}.out' ::: a b; muster attach 1")
            #expect(left.code == 0, "\(left.errors)")
            #expect(try place.text("got/a") == "a\n" && place.text("got/b") == "b\n")
            // Once more: they are the same.
            #expect(try await place.fleet.script("muster attach 1").code == 0)
            try place.write("got/a", "mine")
            let other = try await place.fleet.script("muster attach 1")
            #expect(
                other.code == 73 && other.errors.contains("got/a is there already, and is another"), "\(other.errors)")
            #expect(other.errors.contains("job 1: what 1 of 2 tasks returned did not come"), "\(other.errors)")
            #expect(try place.text("got/a") == "mine")
        }
    }

    /// Each of a task's values has its file; what comes back is named by the task, or by one of them.
    @Test func severalValuesATask() async throws {
        try await FilePlace.run { place in
            for name in ["a", "b c", "d"] { try place.write(name, "I am \(name)\n") }
            let run = try await place.script(
                "muster run -n 2 --tag --send {} --return all.{#} 'ls; cat {} >all.{#}' ::: a 'b c' d")
            #expect(run.code == 0 && run.text == "a b c\ta\na b c\tb c\nd\td\n", "\(run.text) \(run.errors)")
            #expect(try place.text("all.1") == "I am a\nI am b c\n" && place.text("all.2") == "I am d\n")
            for (flags, words) in [
                ("-n 2 --return {}.out", "{}.out"), ("-n 257", "from 1 to 256"), ("-n 2 --colsep ,", "--colsep"),
            ] {
                let wrong = try await place.script("muster run \(flags) echo ::: a d")
                #expect(wrong.code == 64 && wrong.errors.contains(words), "\(wrong.errors)")
            }
            let short = try await place.script("muster run -n 2 'echo {2}' ::: a d a")
            #expect(
                short.code == 65 && short.errors.contains(#""a": there is no value for {2}: a task has one value"#),
                "\(short.errors)")
        }
    }

    /// To the fleet these are done: no halt counts them.
    @Test func whatHasNoPlaceHereIsNoPartOfAHalt() async throws {
        try await FilePlace.run { place in
            let here = place.fleet.folder.path + "/here"
            let run = try await place.fleet.script(
                "mkdir here; cd here; muster run --halt now,fail=1 --joblog log --return {} 'echo {} >{}; echo mine >\(here)/{}' ::: a b c; "
                    + "echo $?; cut -f 7 log")
            #expect(run.text == "73\nExitval\n255\n255\n255\n", "\(run.text) \(run.errors)")
            #expect(run.errors.contains("failed: \"a\": a is there already"), "\(run.errors)")
            #expect(run.errors.contains("job 1: what 3 of 3 tasks returned did not come"), "\(run.errors)")
            #expect(try await place.fleet.job(JobID(1)).state == .done)
        }
    }

    /// Coordinator, worker and the run itself are killed in mid-run, one after the other: each value has its file, whole.
    @Test func killedOneAfterTheOtherEachFileComes() async throws {
        try await FilePlace.run(workers: 2) { place in
            let fleet = place.fleet
            let made = try await fleet.script(
                "mkdir in; for i in $(seq 150); do head -c 20000 /dev/urandom >in/$i; done")
            #expect(made.code == 0)
            let running = Task { [fleet] in
                try await fleet.script(
                    """
                    muster run --send in/{} --return out/{} 'sleep 0.1; mkdir out; cp in/{} out/{}' ::: $(seq 150) &
                    echo $! >pid
                    wait $!
                    """)
            }
            func came() -> Int { place.names("out").filter { !$0.hasPrefix(".") }.count }
            try await eventually("some are here") { came() > 10 }
            await fleet.coordinator.kill()
            try await fleet.startCoordinator()
            let now = came()
            try await eventually("it goes on") { came() > now + 10 || came() == 150 }
            await place.workers[0].kill()
            try await eventually("the other goes on") { came() > now + 20 || came() == 150 }
            _ = try await fleet.script("kill -9 $(cat pid)")
            let first = try await running.value
            #expect(first.code == 137 || first.code == 0, "\(first.code) \(first.errors)")
            let back = try await fleet.script("muster attach 1 && diff -r in out && ! ls -d .muster-* 2>/dev/null")
            #expect(back.code == 0, "\(back.text) \(back.errors)")
        }
    }
}
