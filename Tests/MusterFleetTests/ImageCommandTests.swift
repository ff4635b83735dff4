import FoundationEssentials
import Glibc
import MusterAPI
import MusterTestKit
import MusterWire
import Testing

/// Bytes that tell which image they are of.
private func pattern(_ number: Int, _ size: Int) -> [UInt8] {
    (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ ($0 >> 8) &+ number &* 7) }
}

/// `muster image` against real edges and a real origin.
@Suite(.timeLimit(.minutes(3))) struct ImageCommandTests {
    @Test func aLifeOfAnImage() async throws {
        try await Fleet.run { fleet in
            let images = try await ImageFleet(fleet)
            let body = pattern(1, 100_000)
            try fleet.folder.write(body, to: "a.png")
            let put = try await images.image("put", "7", "a.png")
            #expect(put.exitCode == 0 && put.output.isEmpty)
            #expect(put.errors.last?.hasPrefix("image 7: 100,000 bytes stored as version 1 through edge-2 (") == true)
            // 7 mod 3 is 1, the second of the edges.
            let first = try await images.image("get", "7", "-o", "b.png")
            #expect(first.exitCode == 0 && first.output.isEmpty, "\(first.errors)")
            #expect(first.errors.last?.hasPrefix("image 7: 100,000 bytes from edge-2 (\(images.urls[1])), ") == true)
            #expect(first.errors.last?.hasSuffix(" -> b.png") == true)
            #expect(try fleet.folder.read("b.png") == body)
            let second = try await images.image("get", "7", "-o", "-")
            #expect(second.errors.last?.contains("(\(images.urls[1])), HIT, ") == true, "\(second.errors)")
            let size = try await images.image("size", "7")
            #expect(size.output == ["100000"] && size.errors.count == 1)
            #expect(size.errors.first?.hasPrefix("image 7: 100,000 bytes, says edge-2 (") == true)
            #expect(try await images.image("size", "7", "--quiet").errors.isEmpty)
            // Replaced through the edge, it is seen through it.
            try fleet.folder.write([1, 2, 3], to: "c.bin")
            let replaced = try await images.image("put", "7", "c.bin", "--type", "image/x-odd")
            #expect(replaced.errors.last?.contains("3 bytes replaced as version 2 through edge-2") == true)
            let json = try await images.image("get", "7", "-o", "b.png", "--json")
            #expect(try fleet.folder.read("b.png") == [1, 2, 3])
            var fields = try JSONFields(body: Array(try #require(json.output.first).utf8))
            #expect(json.output.count == 1 && json.errors.isEmpty)
            #expect(try fields.int("size", in: 0...10) == 3 && fields.string("type") == "image/x-odd")
            #expect(try fields.string("edge") == "edge-2" && fields.string("url") == images.urls[1])
            #expect(try fields.string("file") == "b.png" && fields.array("failures")?.isEmpty == true)
            #expect(try await images.image("delete", "7").exitCode == 0)
            for action in ["get", "size", "delete"] {
                let gone = try await images.image(action, "7")
                #expect(gone.exitCode == 66)
                #expect(gone.errors.last?.contains("There is no image 7 here") == true, "\(gone.errors)")
            }
            #expect(images.files == ["a.png", "b.png", "c.bin"])
        }
    }

    /// Which edge is asked: the same one by any client that knows the same edges.
    @Test func placement() async throws {
        try await Fleet.run { fleet in
            let images = try await ImageFleet(fleet)
            func url(_ id: Int, _ flags: [String]) async throws -> String {
                let outcome = try await fleet.outcome(
                    of: fleet.start(["image", "size", "\(id)", "--json"] + flags))
                var fields = try JSONFields(body: Array(try #require(outcome.output.first).utf8))
                return try #require(try fields.string("url"))
            }
            let shuffled = [2, 0, 1].map { images.urls[$0] }.joined(separator: ",")
            for id in [0, 1, 2, 3, 4, 500] {
                try await images.put(id, [0])
                #expect(try await url(id, []) == images.urls[id % 3])
                #expect(try await url(id, ["--edges", images.list]) == images.urls[id % 3])
                #expect(try await url(id, ["--edges", shuffled]) == images.urls[[2, 0, 1][id % 3]])
                let rendezvous = ["--balance", "rendezvous"]
                let chosen = try await url(id, rendezvous)
                #expect(try await url(id, rendezvous + ["--edges", shuffled]) == chosen)
                #expect(try await url(id, ["--origin", images.originURL]) == images.originURL)
            }
        }
    }

    @Test func aDeadEdgeIsPassedOver() async throws {
        try await Fleet.run { fleet in
            let images = try await ImageFleet(fleet)
            try await images.put(7, pattern(7, 1_000))
            await images.edges[1].kill()
            // Named, it is tried; listed, it is soon known to be gone. Either way somebody answers.
            for flags in [["--edges", images.list], []] {
                let process = try fleet.start(["image", "get", "7", "-o", "x"] + flags)
                let outcome = try await fleet.outcome(of: process)
                #expect(outcome.exitCode == 0, "\(outcome.errors)")
                #expect(try fleet.folder.read("x") == pattern(7, 1_000))
            }
            let named = try await images.image("get", "7", "-o", "x", "--edges", images.list)
            #expect(named.errors.count == 2 && named.errors[0].hasPrefix(images.urls[1] + ": "), "\(named.errors)")
            #expect(named.errors[1].contains("from edge-3 (\(images.urls[2]))"))
            let put = try await images.image("put", "7", "x", "--edges", images.list)
            #expect(put.exitCode == 0 && put.errors.last?.contains("through edge-3") == true)
            // A frozen one accepts connections and says nothing.
            images.edges[2].freeze()
            let frozen = try await images.image("size", "7", "--edges", images.list, "--timeout", "0.5")
            #expect(frozen.output == ["1000"] && frozen.errors.last?.contains("edge-1") == true, "\(frozen.errors)")
            images.edges[2].thaw()
            for edge in [images.edges[0], images.edges[2]] { await edge.kill() }
            let none = try await images.image("get", "7", "-o", "y", "--edges", images.list)
            #expect(none.exitCode == 69)
            #expect(images.urls.allSatisfy { none.errors.last?.contains($0) == true }, "\(none.errors)")
            #expect(images.files == ["x"])
            try await eventually("the edges are known to be gone") { try await fleet.memberNames() == ["origin"] }
            let unlisted = try await images.image("get", "7")
            #expect(unlisted.exitCode == 69 && unlisted.errors.last?.contains("no edge is listed") == true)
        }
    }

    /// Killed while it sends to a reader who has taken a part: the rest comes from another edge, and nothing twice.
    @Test func anEdgeKilledInMidBody() async throws {
        try await Fleet.run { fleet in
            let images = try await ImageFleet(fleet, edges: 2)
            // More than all the buffers on the way hold.
            var body: [UInt8] = []
            let piece = pattern(2, 1 << 16)
            for number in 0..<384 { body += [UInt8(number & 255), UInt8(number >> 8)] + piece }
            try await images.put(2, body)
            let path = fleet.folder.path + "/pipe"
            #expect(mkfifo(path, 0o600) == 0)
            let reader = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
            defer { close(reader) }
            // F_SETPIPE_SZ, which the module of the C library does not have.
            #expect(fcntl(reader, 1031, 1 << 20) > 0)
            let process = try fleet.start(["image", "get", "2", "-o", "pipe"])
            var got: [UInt8] = []
            var room = [UInt8](repeating: 0, count: 1 << 20)
            func take() -> Int {
                let count = read(reader, &room, room.count)
                if count > 0 { got += room[..<count] }
                return count
            }
            try await eventually("it has begun") { take() > 0 }
            await images.edges[0].kill()
            // The end of a pipe is there only when the writer has closed it.
            try await eventually("all of it came") {
                while take() > 0 {}
                return !process.isRunning
            }
            while take() > 0 {}
            let isSame = got == body
            #expect(isSame, "\(got.count) bytes")
            let outcome = try await fleet.outcome(of: process)
            #expect(outcome.exitCode == 0 && outcome.errors.contains { $0.contains("broke off after") })
            #expect(outcome.errors.last?.contains("edge-2") == true, "\(outcome.errors)")
        }
    }

    @Test(arguments: [.stalling, .breakingOff, .lying, .failing(500), .failing(503)] as [OddEdge.Manner])
    func oddEdges(manner: OddEdge.Manner) async throws {
        try await Fleet.run { fleet in
            let images = try await ImageFleet(fleet, edges: 1)
            let body = pattern(4, 200_000)
            try await images.put(4, body)
            let odd = try OddEdge(manner, body: body)
            let flags = ["--timeout", "0.5", "-o", "x.png"]
            let next = try await fleet.outcome(
                of: fleet.start(["image", "get", "4", "--edges", "\(odd.url),\(images.urls[0])"] + flags))
            #expect(next.exitCode == 0 && next.errors.first?.hasPrefix(odd.url) == true, "\(next.errors)")
            #expect(try fleet.folder.read("x.png") == body)
            let alone = try await fleet.outcome(of: fleet.start(["image", "get", "4", "--edges", odd.url] + flags))
            if case .failing(503) = manner {
                #expect(alone.exitCode == 75, "\(alone.errors)")
            } else {
                #expect(alone.exitCode == 69, "\(alone.errors)")
            }
            // What was there stays, and nothing beside it.
            #expect(try fleet.folder.read("x.png") == body)
            #expect(images.files == ["x.png"])
            await odd.stop()
        }
    }

    @Test(arguments: [SIGTERM, SIGINT]) func aSignalLeavesNoFile(signal: CInt) async throws {
        try await Fleet.run { fleet in
            let odd = try OddEdge(.stalling, body: pattern(4, 200_000))
            let process = try fleet.start(["image", "get", "4", "--edges", odd.url])
            try await eventually("it has begun") {
                fleet.folder.names(in: ".").contains { $0.hasPrefix("image-4.png.part-") }
            }
            kill(process.pid, signal)
            #expect(try await process.exitCode() == Int(128 + signal))
            #expect(fleet.folder.names(in: ".") == ["data"])
            await odd.stop()
        }
    }

    @Test func theMenuThroughAPipe() async throws {
        try await Fleet.run { fleet in
            let images = try await ImageFleet(fleet)
            try await images.put(7, pattern(7, 1_234))
            try await images.put(8, pattern(8, 10), type: "image/jpeg")
            try fleet.folder.write([9], to: "image-7.png")
            let outcome = try await images.menu("1\n7\nrubbish\n2\r\n 7 \n1\n99\nget_image\nx\n1\n8\n1\n7\nq\n1\n7\n")
            #expect(outcome.exitCode == 0)
            let output = outcome.output
            #expect(output.prefix(3) == ["  1  get_image", "  2  get_image_size", "  q  quit"])
            #expect(output.count { $0 == "  1  get_image" } == 8)
            #expect(
                output.contains { $0.hasPrefix("image 7: 1,234 bytes from edge-2 (") && $0.hasSuffix("image-7-1.png") })
            #expect(output.contains("\"rubbish\" is no choice: type 1, 2 or q"))
            #expect(output.contains { $0.hasPrefix("image 7: 1,234 bytes, says edge-2 (") })
            #expect(output.contains { $0.hasPrefix("image 99: ") && $0.contains("There is no image 99 here") })
            #expect(output.contains { $0.hasPrefix("\"x\" is no image's id") })
            #expect(images.files == ["image-7-1.png", "image-7-2.png", "image-7.png", "image-8.jpg"])
            #expect(try fleet.folder.read("image-7-1.png") == pattern(7, 1_234))
            #expect(try fleet.folder.read("image-7.png") == [9])
            // Its input's end is its own, even within a question, with or without a line's end.
            for text in ["", "1\n", "2\n7", "\n\n"] {
                #expect(try await images.menu(text + (text.isEmpty ? "\n" : "")).exitCode == 0)
            }
            let json = try await images.menu("2\n7\n2\n99\n", ["--json"])
            #expect(json.output.count == 1 && json.output[0].hasPrefix("{\"id\":7,\"size\":1234,"))
            #expect(json.errors.contains { $0.contains("There is no image 99 here") })
        }
    }

    static let usage: [[String]] = [
        ["get", "x"], ["get", "-1"], ["get", "1.5"], ["get", ""], ["get"], ["put", "1"], ["fetch", "1"],
        ["get", "1", "x.png"], ["get", "1", "--edges", "nonsense"], ["get", "1", "--balance", "best"],
        ["size", "1", "-o", "x"], ["get", "1", "--type", "a/b"], ["get", "1", "-o", "-", "--json"],
        ["get", "1", "--edges", "http://a", "--origin", "http://b"], ["get", "1", "--timeout", "0"],
        ["size", "9223372036854775808"], ["size", "../../etc/passwd"],
    ]

    @Test func badInput() async throws {
        try await Fleet.run { fleet in
            for arguments in Self.usage {
                let outcome = try await fleet.outcome(of: fleet.start(["image"] + arguments))
                #expect(outcome.exitCode == 64 && outcome.errors.count == 1, "\(arguments): \(outcome.errors)")
            }
            let images = try await ImageFleet(fleet, edges: 1)
            try await images.put(1, [1])
            #expect(try await images.image("put", "1", "missing").exitCode == 66)
            #expect(try await images.image("put", "1", ".").exitCode == 66)
            #expect(try await images.image("get", "1", "-o", "no/such/folder").exitCode == 73)
            #expect(try await images.image("get", "1", "-o", ".").exitCode == 73)
            #expect(try await images.image("get", "1", "-o", "/dev/full").exitCode == 74)
            // What was set for other commands is not this one's business.
            let set = ["MUSTER_OUTPUT": "x.png", "MUSTER_EDGES": "3", "MUSTER_TYPE": "a/b"]
            #expect(try await images.image("size", "1", environment: set).output == ["1"])
            let wrong = ["MUSTER_TOKEN": "wrong"]
            try fleet.folder.write([1], to: "a.png")
            for action in [["put", "1", "a.png"], ["delete", "1"]] {
                let process = try fleet.start(["image"] + action + ["--edges", images.list], environment: wrong)
                let refused = try await fleet.outcome(of: process)
                #expect(refused.exitCode == 77)
                #expect(refused.errors.last?.contains("MUSTER_TOKEN") == true, "\(refused.errors)")
            }
            #expect(images.files == ["a.png"])
            await fleet.coordinator.kill()
            let away = try await images.image("size", "1")
            #expect(away.exitCode == 69 && away.errors.last?.contains("--edges") == true)
            #expect(try await images.image("size", "1", "--edges", images.list).exitCode == 0)
            await images.origin.kill()
            let bad = try await images.image("size", "2", "--edges", images.list)
            #expect(bad.exitCode == 69)
            #expect(bad.errors.last?.contains("upstream cannot be reached") == true, "\(bad.errors)")
        }
    }

    @Test func aPrivateFleetWantsAToken() async throws {
        try await Fleet.run { fleet in
            let images = try await ImageFleet(fleet, edges: 1, flags: ["--private"])
            try await images.put(1, [1])
            #expect(try await images.image("size", "1").output == ["1"])
            let none = try await images.image("size", "1", "--edges", images.list, environment: ["MUSTER_TOKEN": ""])
            #expect(none.exitCode == 77 && none.errors.last?.contains("MUSTER_TOKEN") == true, "\(none.errors)")
            // Who sits beside the origin's data may use its token, at that origin.
            let own = ["MUSTER_TOKEN": "", "MUSTER_DATA": fleet.dataDirectory]
            #expect(try await images.image("size", "1", "--origin", images.originURL, environment: own).output == ["1"])
            #expect(try await images.image("size", "1", "--edges", images.list, environment: own).exitCode == 77)
        }
    }
}
