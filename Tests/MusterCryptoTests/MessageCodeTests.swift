import MusterCrypto
import Testing

@Suite("message codes")
struct MessageCodeTests {
    struct Case: Sendable {
        var key: [UInt8]
        var message: [UInt8]
        var code: String
    }

    /// RFC 4231, test cases 1 to 4, 6 and 7.
    static let published = [
        Case(
            key: .init(repeating: 0x0b, count: 20), message: Array("Hi There".utf8),
            code: "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
        Case(
            key: Array("Jefe".utf8), message: Array("what do ya want for nothing?".utf8),
            code: "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
        Case(
            key: .init(repeating: 0xaa, count: 20), message: .init(repeating: 0xdd, count: 50),
            code: "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"),
        Case(
            key: Array(1...25), message: .init(repeating: 0xcd, count: 50),
            code: "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"),
        Case(
            key: .init(repeating: 0xaa, count: 131),
            message: Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8),
            code: "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"),
        Case(
            key: .init(repeating: 0xaa, count: 131),
            message: Array(
                ("This is a test using a larger than block-size key and a larger than block-size data. The key needs "
                    + "to be hashed before being used by the HMAC algorithm.").utf8),
            code: "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"),
    ]

    @Test("codes are those of RFC 4231, the first time and again", arguments: published)
    func standard(_ given: Case) {
        let key = MessageKey(bytes: given.key)
        for _ in 0..<3 { #expect(hex(key.code(of: given.message)) == given.code) }
    }

    /// The empty key and message: as HMAC pads a key with zeros, that of one zero byte, too.
    @Test("an empty key is a key")
    func emptyKey() {
        let code = hex(MessageKey(bytes: []).code(of: []))
        #expect(code == "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad")
        #expect(code == hex(MessageKey(bytes: [0]).code(of: [])))
    }

    @Test("one key serves many at a time")
    func shared() async {
        let key = MessageKey(bytes: Self.published[1].key)
        await withTaskGroup(of: Bool.self) { group in
            for number in 0..<8 {
                group.addTask {
                    let own = MessageKey(bytes: key.bytes)
                    return (0..<500).allSatisfy { key.tag(of: "\(number) \($0)") == own.tag(of: "\(number) \($0)") }
                }
            }
            for await isRight in group { #expect(isRight) }
        }
    }
}
