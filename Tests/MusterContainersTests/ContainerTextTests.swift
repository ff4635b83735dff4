import MusterJSON
import MusterLaunch
import MusterWire
import Testing

@testable import MusterContainers

@Suite struct ContainerTextTests {
    /// Two frames, cut in every possible place.
    @Test func framesAreReadHoweverTheyAreCut() {
        let bytes: [UInt8] = [
            1, 0, 0, 0, 0, 0, 0, 3, 97, 98, 99, 2, 0, 0, 0, 0, 0, 0, 1, 120, 1, 0, 0, 0, 0, 0, 0, 1, 100,
        ]
        for cut in 0...bytes.count {
            var frames = OutputFrames()
            var output: [UInt8] = []
            var error: [UInt8] = []
            for piece in [bytes[..<cut], bytes[cut...]] {
                frames.feed(Array(piece)) { if $0 == .output { output += $1 } else { error += $1 } }
            }
            #expect(output == Array("abcd".utf8) && error == Array("x".utf8) && !frames.isBroken)
        }
    }

    @Test func whatIsNoFrameIsTold() {
        var frames = OutputFrames()
        frames.feed(Array("hello, world".utf8)) { _, _ in Issue.record("nothing to give") }
        #expect(frames.isBroken)
    }

    @Test func aContainerHasNoRights() throws {
        var template = ContainerTemplate(fleet: "0123456789", home: "1:2", kind: .muster, image: "muster:latest")
        template.limits.memoryBytes = 64 << 20
        let spec = template.container(LaunchSpec(name: "child-7", arguments: ["child"], environment: ["A": "b\"c"]))
        let json = try JSONValue(parsing: spec.body(hasInit: false))
        let host = try #require(json["HostConfig"])
        #expect(host["CapDrop"]?.text == #"["ALL"]"#)
        #expect(host["SecurityOpt"]?.text == #"["no-new-privileges"]"#)
        #expect(host["ReadonlyRootfs"]?.bool == true && host["PidsLimit"]?.int == 256)
        #expect(host["Memory"]?.int == 64 << 20 && host["MemorySwap"]?.int == 64 << 20)
        #expect(host["RestartPolicy"]?["Name"]?.string == "no")
        #expect(host["LogConfig"]?["Config"]?["max-size"]?.string == "1048576")
        #expect(json["Env"]?.text == #"["A=b\"c"]"#)
        #expect(json["Labels"]?["muster.name"]?.string == "child-7")
        #expect(template.containerName("child-7") == "muster-01234567-child-7")
    }

    @Test func aProgramOfItsOwnTakesThePlaceOfTheImages() throws {
        var spec = ContainerSpec(image: "x")
        spec.entryPoint = "/bin/ls"
        spec.limits.memoryBytes = 0
        let json = try JSONValue(parsing: spec.body(hasInit: false))
        #expect(json["Entrypoint"]?.text == #"["/bin/ls"]"# && json["Cmd"]?.text == "[]")
        let host = try #require(json["HostConfig"])
        #expect(host["Memory"]?.int == 0 && host["NetworkMode"]?.string == "none" && host["UsernsMode"] == nil)
    }

    /// What the image makes of itself must not learn the fleet's secrets.
    @Test func aForeignContainerIsToldNothing() throws {
        var template = ContainerTemplate(fleet: "0123456789", home: "1:2", kind: .foreign, image: "x")
        template.network = "none"
        let spec = template.container(
            LaunchSpec(name: "child-7", arguments: ["child"], environment: ["MUSTER_TOKEN": "secret"]))
        let text = String(decoding: spec.body(hasInit: true), as: UTF8.self)
        #expect(!text.contains("secret") && !text.contains("\"Cmd\"") && text.contains("\"NetworkMode\":\"none\""))
    }

    @Test(
        arguments: [
            ("707 700 8:1 /var/lib/docker/containers/\(id)/hostname /etc/hostname rw,relatime - ext4 /dev/sda1 rw", id),
            ("9 8 0:44 /containers/overlay-containers/\(id)/userdata/hosts /etc/hosts rw - tmpfs tmpfs rw", id),
            ("36 35 8:1 / / rw,relatime - ext4 /dev/sda1 rw", nil),
            ("36 35 8:1 /x/\(id)/y /data rw,relatime - ext4 /dev/sda1 rw", nil), ("", nil),
        ] as [(String, String?)])
    func theOwnContainerIsFoundByItsMounts(_ line: String, _ found: String?) {
        #expect(OwnContainer.id(inMount: line) == found)
    }
    private static let id = String(repeating: "0123456789abcdef", count: 4)

    @Test func theOwnContainerKnowsItsNetworksAndMounts() throws {
        let json = #"""
            {"Name":"/hub","Config":{"Image":"muster:1"},"NetworkSettings":{"Networks":{"net":{"IPAddress":"10.0.0.2"}}},
             "Mounts":[{"Destination":"/data","Source":"/vol/data"},{"Destination":"/data/tls","Source":"/etc/tls"}]}
            """#
        let own = try #require(OwnContainer(JSONValue(parsing: Array(json.utf8))))
        #expect(own.name == "hub" && own.image == "muster:1" && own.networks == ["net": "10.0.0.2"])
        #expect(own.machinePath(of: "/data/tls/a.pem") == "/etc/tls/a.pem")
        #expect(own.machinePath(of: "/data/x") == "/vol/data/x" && own.machinePath(of: "/database") == nil)
    }

    @Test func queriesAreEscaped() {
        #expect(EngineClient.text(of: [("filters", #"{"a":["b c"]}"#)]) == "?filters=%7B%22a%22%3A%5B%22b%20c%22%5D%7D")
    }
}
