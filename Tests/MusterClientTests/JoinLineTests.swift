import MusterAPI
import MusterTestKit
import Testing

@testable import MusterClient
@testable import MusterCommandLine
@testable import MusterCommands

/// The line by which another machine joins.
@Suite struct JoinLineTests {
    private static let program = JoinOffer.Program(path: "/v1/program/0a", sha256: "ab12", bytes: 7)

    @Test func aMachineWithMusterFetchesNothing() {
        let line = JoinLine(url: "http://10.0.0.1:8080", token: "t0ken").text
        #expect(
            line
                == "(umask 077; rm -f muster-join.token; printf '%s\\n' t0ken >muster-join.token) && MUSTER_TOKEN= "
                + "MUSTER_TOKEN_FILE=muster-join.token muster worker --join http://10.0.0.1:8080")
    }

    @Test func whatIsFetchedIsCheckedBeforeItIsUnpacked() throws {
        let line = JoinLine(url: "http://10.0.0.1:8080", token: "t0ken", program: Self.program).text
        let steps = [
            #"curl -fsS -o "$d/muster.tar.gz" http://10.0.0.1:8080/v1/program/0a"#,
            #"wget -q -O "$d/muster.tar.gz" http://10.0.0.1:8080/v1/program/0a"#,
            #"echo "ab12  $d/muster.tar.gz" | sha256sum -c - >/dev/null && tar "#, " worker ",
        ]
        let places = try steps.map { try #require(line.firstRange(of: $0), "\($0) in \(line)").lowerBound }
        #expect(places == places.sorted())
        // Flags of the worker may come behind it.
        #expect(line.hasSuffix(" --join http://10.0.0.1:8080"))
        #expect(!line.contains("\n"))
        // Once, to the file: no program gets it as an argument.
        #expect(line.split(separator: "t0ken", omittingEmptySubsequences: false).count == 2)
    }

    @Test func certificatesComeAlongAndNothingElseOfTheirFile() {
        let pem =
            "Bag\n-----BEGIN CERTIFICATE-----\nMIIB/+==\n-----END CERTIFICATE-----\n"
            + "-----BEGIN PRIVATE KEY-----\nsecret\n"
        for program in [Self.program, nil] {
            let line = JoinLine(url: "https://hub", token: "t", program: program, authority: pem).text
            #expect(line.contains(#"printf %b '-----BEGIN CERTIFICATE-----\nMIIB/+==\n-----END CERTIFICATE-----\n' >"#))
            #expect(!line.contains("secret") && !line.contains("Bag") && !line.contains("\n"))
            #expect(line.contains(" --tls-ca "))
            #expect((program == nil) != (line.contains("--cacert") && line.contains("--ca-certificate=")))
        }
    }

    @Test(arguments: ["a b", "a'b", "$(id)", "`id`", "a;b", "a\\b", "*", "[::1]", "\"", "", "plain-1.2:3/4"])
    func aWordIsOneWordForAShell(_ word: String) throws {
        let printed = try Shells.run("sh", "-e", "printf '<%s>\\n' \(ShellWord.of(word))\n")
        #expect(printed == ["<\(word)>"])
    }

    @Test func peopleAreToldWhatTheLineIsFor() {
        func notes(_ url: String, _ offer: JoinOffer, isInstalled: Bool = false) -> [String] {
            JoinCommand.notes(
                JoinLine(url: url, token: "t", program: isInstalled ? nil : offer.program), offer,
                isInstalled: isInstalled)
        }
        var offer = JoinOffer(token: "t", url: "", platform: "Linux x86_64", program: Self.program)
        #expect(notes("http://10.0.0.1:1", offer).map { $0.contains("Linux x86_64") } == [true])
        #expect(notes("http://10.0.0.1:1", offer, isInstalled: true).isEmpty)
        #expect(notes("http://127.0.0.1:1", offer).last?.contains("--host 0.0.0.0") == true)
        (offer.program, offer.trouble) = (nil, "no loader")
        #expect(notes("http://10.0.0.1:1", offer).map { $0.contains("no loader") } == [true])
    }
}
