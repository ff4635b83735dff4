internal import MusterLaunch

/// When a command is with everybody, by the cheapest questions there are: `GET /v1/commands/{id}` names each recipient, and with very many
/// of them answering it would be what is measured.
struct CommandWatch {
    private let client: RawClient
    /// Whom it waits for.
    private let load: LoadGenerator

    init(_ fleet: BenchFleet, _ load: LoadGenerator) throws {
        (client, self.load) = (try RawClient(port: fleet.port), load)
    }

    func sendCommand(as secret: String, recipients: Int) throws -> Int {
        let answer = try client.request("POST", "/v1/commands", "{\"command\":\"START_TRANSMIT\"}", bearer: secret)
        guard answer.status == 202, let id = number("id", in: answer.text) else {
            throw BenchError("the command was refused: \(answer.status) \(answer.text)")
        }
        guard number("recipients", in: answer.text) == Double(recipients) else {
            throw BenchError("not \(recipients) recipients: \(answer.text)")
        }
        return Int(id)
    }

    /// A counter of the coordinator's.
    func counter(_ name: String) throws -> Int {
        let answer = try client.request("GET", "/metrics")
        let line = answer.text.split(separator: "\n").first { $0.hasPrefix("muster_\(name) ") }
        guard answer.status == 200, let value = line?.split(separator: " ").last.flatMap({ Int($0) }) else {
            throw BenchError("no \(name) in /metrics: \(answer.status)")
        }
        return value
    }

    /// Returns once a counter says so much.
    func awaitCounter(_ name: String, atLeast value: Int, within limit: Double = 60) throws {
        let began = seconds()
        while true {
            let now = try counter(name)
            if now >= value { return }
            try load.check()
            guard seconds() - began < limit else {
                let others = try ["members", "suspicions_total", "deliveries_gone_total", "deliveries_overflow_total"]
                    .map { "\($0) \(try counter($0))" }
                throw BenchError(
                    "\(name) is \(now) of \(value) after \(limit) s; \(others.joined(separator: ", ")), \(load.last)")
            }
            pauseMilliseconds(2)
        }
    }

    /// Returns once the newest command is durably with all of its recipients, of whom so many deliveries are to be counted.
    func awaitAcknowledged(_ id: Int, by recipients: Int, deliveries: Int) throws {
        try awaitCounter("deliveries_total", atLeast: deliveries)
        // Told once what becomes of it is durable.
        let answer = try client.request("GET", "/v1/commands?limit=1")
        guard answer.status == 200, number("id", in: answer.text) == Double(id),
            number("pending", in: answer.text) == 0, number("delivered", in: answer.text) == Double(recipients)
        else { throw BenchError("not delivered to all: \(answer.status) \(answer.text)") }
    }
}
