extension HTTPServer {
    package struct Configuration: Sendable {
        /// IPv4 or IPv6 addresses, one or more. `::` serves IPv4, too, where the system lets it.
        package var hosts = ["127.0.0.1"]
        /// The first of them: how this server is told of.
        package var host: String {
            get { hosts[0] }
            set { hosts = [newValue] }
        }
        /// 0: any free one, the same for all addresses.
        package var port: UInt16 = 0
        /// Threads that answer at each address, 1 or more. Connections stay with the one that took them.
        package var threads = 1
        /// PEM texts; both or neither.
        package var tlsCertificate: String?
        package var tlsKey: String?
        /// Versions and ciphers as GnuTLS reads them (its "priority strings").
        package var tlsCiphers = defaultCiphers
        /// TLS 1.2 and 1.3 (RFC 8996).
        package static let defaultCiphers = "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"
        package var limits = Limits()
        /// From `--access-log`; nil: none.
        package var accessLog: AccessLog?
        package init() {}
    }
}
