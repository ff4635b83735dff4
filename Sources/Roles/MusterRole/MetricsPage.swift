package import MusterHTTP
internal import MusterWire

/// A role's `/metrics`, in Prometheus's text format.
package struct MetricsPage: Sendable {
    private var text = ""

    package init() {}

    /// `name` ends in the unit, if there is one, always the base unit (seconds, bytes), and a counter's in `_total`.
    package mutating func add(_ name: String, _ kind: String, _ help: String, _ value: Int) {
        add(name, kind, help, text: "\(value)")
    }

    /// A span of time, told in seconds.
    package mutating func add(_ name: String, _ kind: String, _ help: String, milliseconds: Int) {
        let rest = String(milliseconds % 1_000 + 1_000).dropFirst()
        add(name, kind, help, text: "\(milliseconds / 1_000).\(rest)")
    }

    private mutating func add(_ name: String, _ kind: String, _ help: String, text value: String) {
        precondition((kind == "counter") == name.hasSuffix("_total"), "\(name) is no name of a \(kind)")
        text += "# HELP muster_\(name) \(help)\n# TYPE muster_\(name) \(kind)\nmuster_\(name) \(value)\n"
    }

    /// One for each value of a label. Values are Muster's own words, which need no escapes.
    package mutating func add(
        _ name: String, _ kind: String, _ help: String, label: String, _ values: [(name: String, value: Int)]
    ) {
        precondition((kind == "counter") == name.hasSuffix("_total"), "\(name) is no name of a \(kind)")
        text += "# HELP muster_\(name) \(help)\n# TYPE muster_\(name) \(kind)\n"
        for (value, count) in values { text += "muster_\(name){\(label)=\"\(value)\"} \(count)\n" }
    }

    /// Of the role's own server; nil: it does not serve yet.
    package mutating func add(_ http: HTTPServer.Statistics?) {
        guard let http else { return }
        add("http_requests_total", "counter", "Requests answered or held.", http.requests)
        add("http_connections", "gauge", "Open connections.", http.connections)
        if let dropped = http.accessLinesDropped {
            add("access_log_dropped_total", "counter", "Lines of the access log that found no room.", dropped)
        }
        add(
            "limits_met_total", "counter", "Refusals by a bound, by its name in docs/limits.md.", label: "limit",
            LimitName.allCases.map { ($0.rawValue, http.limitsMet[$0] ?? 0) })
    }

    package var response: HTTPResponse {
        HTTPResponse(
            status: 200, headers: [("Content-Type", "text/plain; version=0.0.4")], body: .bytes(Array(text.utf8)))
    }
}
