import MusterSystem
import Testing

@Suite struct SocketTableTests {
    private static let head =
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"

    static let lines: [(line: String, shown: String?)] = [
        (
            "   0: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000 10001 0 4711 1 0 100",
            "listening 127.0.0.1:8080 inode 4711"
        ),
        (
            "   1: 050011AC:2328 0200A8C0:D431 01 00000000:00000000 00:00000000 00000000 10001 0 12 1 0 100",
            "connected 172.17.0.5:9000 inode 12"
        ),
        (
            "   2: 00000000000000000000000000000000:1F41 00000000000000000000000000000000:0000 0A 0:0 0:0 0 0 0 9 1",
            "listening [::1]:8001 inode 9"
        ),
        (
            "   3: B80D0120000000000000000001000000:1F41 00000000000000000000000000000000:0000 0A 0:0 0:0 0 0 0 9 1",
            "listening [2001:db8:0:0:0:0:0:1]:8001 inode 9"
        ),
        // TIME_WAIT, and what is no line of such a table.
        ("   4: 0100007F:1F90 0100007F:D431 06 00000000:00000000 03:00000F2B 00000000 0 0 0 3 0", nil),
        ("   5: 0100007F:ZZZZ 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 7 1", nil),
        ("   6: 01007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 7 1", nil),
        ("   7: 0100007F:1F90", nil),
    ]

    @Test(arguments: lines)
    func oneLine(line: String, shown: String?) {
        let sockets = TCPSocket.table(Self.head + line + "\n")
        #expect(sockets.map { "\($0.state) \($0.host):\($0.port) inode \($0.inode)" } == (shown.map { [$0] } ?? []))
    }
}
