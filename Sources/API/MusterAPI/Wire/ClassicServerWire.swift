internal import MusterJSON
package import MusterWire

/// `POST /prox_connected`: a server of the old render system signs up.
package struct ClassicSignUp: Hashable, WireRequest {
    /// Its host.
    package var name: String
    package var port: Int

    package static let blank = ClassicSignUp(name: "", port: 0)
    package static let fields: [WireField<ClassicSignUp>] = [
        .must("name", \.name, .text(1...253, pattern: "^[-A-Za-z0-9._:]+$"), "Its host."),
        .must("port", \.port, portText, "Its port, as a string."),
    ]

    private static let portText = WireKind<Int>(.text(1...5, pattern: "^[0-9]+$")) { fields, name throws(Problem) in
        guard let given = fields.value(name) else { return nil }
        guard let port = given.string.flatMap({ Int($0) }), (1...65_535).contains(port) else {
            throw fields.wrong(name, given, "a port as a string, \"1\" to \"65535\"")
        }
        return port
    } write: {
        $1.value(String($0))
    }
}

/// `GET /get_servers`: a bare list.
package struct ClassicServerList: BareAnswer {
    package var value: [ClassicServerPlace]

    package init(_ places: [ClassicServerPlace]) { value = places }

    package static let schemaName = "ClassicServers"
    package static var kind: WireKind<[ClassicServerPlace]> { .written() }
}

/// One of them. Old clients refuse other fields.
package struct ClassicServerPlace: Hashable, WireWritable {
    package var name: String
    package var port: String

    package init(name: String, port: Int) { (self.name, self.port) = (name, String(port)) }

    package static let isClosed = true
    package static let fields: [WireField<ClassicServerPlace>] = [
        .always("name", \.name, .prose), .always("port", \.port, .prose),
    ]
}
