import MusterCore
import Testing

/// Hosts and addresses are read whole, then compared.
@Suite struct AddressTests {
    static let addresses: [(text: String, bytes: [UInt8]?)] = [
        ("127.0.0.1", [127, 0, 0, 1]), ("255.255.255.255", [255, 255, 255, 255]), ("0.0.0.0", [0, 0, 0, 0]),
        ("::", [UInt8](repeating: 0, count: 16)), ("::1", [UInt8](repeating: 0, count: 15) + [1]),
        ("fe80::1:2", [0xFE, 0x80] + [UInt8](repeating: 0, count: 10) + [0, 1, 0, 2]),
        ("2001:db8:0:0:0:0:0:a", [0x20, 0x01, 0x0D, 0xB8] + [UInt8](repeating: 0, count: 11) + [10]),
        ("1::", [0, 1] + [UInt8](repeating: 0, count: 14)), ("::ffff:10.1.2.3", [10, 1, 2, 3]),
        ("::FFFF:7f00:1", [127, 0, 0, 1]), ("127.1", nil), ("127.0.0.01", nil), ("127.0.0.256", nil), ("", nil),
        ("127.0.0.1.", nil), ("0x7f.0.0.1", nil), ("2130706433", nil), (":", nil), (":::", nil), ("1::2::3", nil),
        (":1::2", nil), ("1:2:3:4:5:6:7", nil), ("1:2:3:4:5:6:7:8:9", nil), ("1:2:3:4:5:6:7:8::", nil),
        ("12345::", nil), ("::1%eth0", nil), ("::1.2.3.4:5", nil), ("g::", nil), ("+1.2.3.4", nil), ("1:", nil),
    ]

    @Test(arguments: addresses)
    func address(_ text: String, _ bytes: [UInt8]?) { #expect(IPAddress(text)?.bytes == bytes) }

    static let hosts: [(text: String, isLoopback: Bool?, port: Int?)] = [
        ("localhost", true, nil), ("LOCALHOST:8080", true, 8080), ("localhost.", true, nil), ("a.localhost", true, nil),
        ("127.9.9.9:1", true, 1), ("[::1]:8080", true, 8080), ("[::1]", true, nil), ("[::ffff:127.0.0.1]", true, nil),
        ("localhost:", true, nil), ("example.org", false, nil), ("10.0.0.1:65535", false, 65_535),
        ("127.0.0.1.example.org", false, nil), ("localhost.example.org", false, nil), ("notlocalhost", false, nil),
        ("[::1]evil.example", nil, nil), ("localhost:99999evil", nil, nil), ("localhost:99999", nil, nil),
        ("localhost:0", nil, nil), ("localhost:80:80", nil, nil), ("[::1", nil, nil), ("::1", nil, nil),
        ("[]", nil, nil),
        ("[127.0.0.1]", nil, nil), ("127.0.0.999", nil, nil), ("127.1", nil, nil), ("0x7f000001", nil, nil),
        ("user@localhost", nil, nil), ("local host", nil, nil), ("", nil, nil), (":80", nil, nil), ("a..b", nil, nil),
        ("-a", nil, nil), ("localhost/", nil, nil), ("ex\u{E4}mple", nil, nil), ("localhost:+1", nil, nil),
    ]

    @Test(arguments: hosts)
    func authority(_ text: String, _ isLoopback: Bool?, _ port: Int?) {
        let read = Authority(text)
        #expect(read?.isLoopback == isLoopback)
        #expect(read?.port == port)
    }

    static let urls: [(text: String, isLoopback: Bool?)] = [
        ("http://127.0.0.1:8080", true), ("https://LocalHost/x", true), ("http://[::1]:80?x", true),
        ("http://127.0.0.1:8080@evil.example", nil), ("http://localhost:80evil", nil), ("ftp://localhost", nil),
        ("localhost:8080", nil), ("http:/localhost", nil), ("http://evil.example#localhost", false),
    ]

    @Test(arguments: urls)
    func url(_ text: String, _ isLoopback: Bool?) { #expect(Authority(url: text)?.isLoopback == isLoopback) }

    static let own: [(host: String, isOwn: Bool)] = [
        ("192.168.1.5:8080", true), ("[2001:db8::1]", true), ("coordinator", true), ("lab.local", true),
        ("muster.fleet.svc.cluster.local:8080", true), ("Fleet.Example.org", true), ("evil.example", false),
        ("fleet.example.org.evil.example", false), ("local.evil.example", false), ("evil.example.", false),
    ]

    @Test(arguments: own)
    func whatNoStrangerOwns(_ host: String, _ isOwn: Bool) {
        #expect(Authority(host)?.isOwn(names: ["fleet.example.org"]) == isOwn)
    }

    @Test func networks() throws {
        let net = try #require(IPNetwork("10.20.0.0/14"))
        for (text, isIn) in [("10.20.0.1", true), ("10.23.255.255", true), ("10.24.0.0", false), ("::1", false)] {
            #expect(net.contains(try #require(IPAddress(text))) == isIn, "\(text)")
        }
        #expect(IPNetwork("192.168.1.7")?.prefix == 32)
        #expect(IPNetwork("fd00::/8")?.contains(try #require(IPAddress("fdff::1"))) == true)
        #expect(IPNetwork("0.0.0.0/0")?.contains(try #require(IPAddress("8.8.8.8"))) == true)
        for bad in ["10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/8/8", "10/8", "", "x", "::/129", "1.2.3.4/+8"]
        {
            #expect(IPNetwork(bad) == nil, "\(bad)")
        }
    }

    /// Whatever is listed.
    @Test(arguments: [
        "169.254.169.254", "169.254.170.2", "fd00:ec2::254", "fe80::1", "100.100.100.200", "::ffff:169.254.169.254",
    ])
    func metadataIsNeverCalled(_ text: String) throws {
        let all = try CallbackNetworks(list: "0.0.0.0/0,::/0")
        #expect(!all.allow(try #require(IPAddress(text))))
        #expect(all.allow(try #require(IPAddress("8.8.8.8"))))
        #expect(all.allow(try #require(IPAddress("2001:db8::1"))))
    }

    @Test func aListNamesWhatIsWrongInIt() throws {
        for (list, wrong) in [("10.0.0.0/8,10/8", "10/8"), ("", ""), ("10.0.0.0/8,", "")] {
            let error = #expect(throws: CallbackNetworks.NotANetwork.self) { try CallbackNetworks(list: list) }
            #expect(error?.text == wrong)
        }
        let two = try CallbackNetworks(list: "10.0.0.0/8,127.0.0.1")
        #expect(!two.allow(try #require(IPAddress("127.0.0.2"))))
    }

    @Test(arguments: [
        ("10.1.1.1", true), ("172.31.0.1", true), ("172.32.0.1", false), ("fc00::1", true), ("8.8.8.8", false),
    ])
    func privateOnes(_ text: String, _ isPrivate: Bool) throws {
        #expect(try #require(IPAddress(text)).isPrivate == isPrivate)
    }

    @Test func signsOfAProxy() {
        for name in ["Forwarded", "VIA", "x-forwarded-for", "X-Forwarded-Anything", "X-Real-IP"] {
            #expect(ProxySigns.first(in: ["Host", name]) == name)
        }
        #expect(ProxySigns.first(in: ["Host", "Accept", "X-Forward"]) == nil)
    }
}
