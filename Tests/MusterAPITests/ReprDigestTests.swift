import MusterAPI
import Testing

@Suite("Repr-Digest")
struct ReprDigestTests {
    @Test("what is written is read")
    func roundTrip() {
        let digest = (0..<32).map { UInt8($0 * 7) }
        let field = ReprDigest.field(sha256: digest)
        #expect(field == "sha-256=:AAcOFRwjKjE4P0ZNVFtiaXB3foWMk5qhqK+2vcTL0tk=:")
        #expect(ReprDigest.sha256(inField: field) == digest)
        #expect(ReprDigest.sha256(inField: "sha-512=:AAAA:, " + field) == digest)
    }

    @Test(
        "what is no SHA-256 is none",
        arguments: [
            nil, "", "sha-256", "sha-256=:", "sha-256=::", "sha-256=:AAAA:", "sha-256=:%%%:", "md5=:AAAA:", ",",
        ])
    func none(field: String?) { #expect(ReprDigest.sha256(inField: field) == nil) }
}
