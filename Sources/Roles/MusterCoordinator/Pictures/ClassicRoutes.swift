internal import MusterAPI
internal import MusterCore
internal import MusterFleetCore
internal import MusterHTTP
internal import MusterKernels
internal import MusterLog
internal import MusterMembership
internal import Synchronization

/// The routes of the old render system, as thin translations.
extension Coordinator {
    /// `[{"name", "port"}]` and nothing else: old clients refuse other fields. Workers listen nowhere, so the port is the
    /// gateway's own.
    func classicServers() -> HTTPOutcome {
        .task { [self] in
            let workers = lock.withLock { fleet in
                fleet.core.membership.liveWorkers.map(\.name)
            }
            var json = JSONWriter()
            json.beginArray()
            func add(_ name: String, _ port: Int) {
                json.beginObject()
                json.field("name", name)
                json.field("port", String(port))
                json.endObject()
            }
            for worker in workers { add(worker, Int(listener.port)) }
            // Whatever an old client has a server compute is computed by workers: without them, none is any use.
            if !workers.isEmpty {
                for server in await signedUpServers.answering() { add(server.name, server.port) }
            }
            json.endArray()
            return .json(json.bytes)
        }
    }

    /// `{"name", "port"}`, both strings. The answer is that of old.
    func classicSignUp(_ request: HTTPRequest) throws -> HTTPOutcome {
        var fields = try JSONFields(body: request.body)
        let name = try fields.required("name", fields.string("name", bytesMax: 253))
        let given = try fields.required("port", fields.value("port"))
        try fields.finish()
        guard let port = given.string.flatMap({ Int($0) }), (1...65_535).contains(port) else {
            throw fields.wrong("port", given, "a port as a string, \"1\" to \"65535\"")
        }
        let isHost = name.utf8.allSatisfy { byte in
            (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                || ".-_:".utf8.contains(byte)
        }
        // An IPv6 address has two colons at least; a port has a field of its own.
        guard isHost, !name.isEmpty, name.utf8.count(where: { $0 == UInt8(ascii: ":") }) != 1 else {
            throw Problem(422, "\"name\" must be a host's name or address, not \"\(name.prefix(80))\".", code: "field")
        }
        guard let host = Authority.host(name) else {
            throw Problem(422, "\"name\" must be a host's name or address, not \"\(name.prefix(80))\".", code: "field")
        }
        if let problem = refusal(ofHost: host) { throw problem }
        try signedUpServers.signUp(ClassicServers.Server(name: name, port: port))
        Log.info("server signed up", ["name": name, "port": "\(port)"])
        return .respond(.json(Array("{\"message\":\"Successfully registered to proxy\"}".utf8)))
    }

    /// One vertical strip of a picture, or the whole. `server` and `port` are read and ignored: workers compute it.
    func classicPicture(_ request: HTTPRequest) throws -> HTTPOutcome {
        let form = try ClassicPictureForm(request.form)
        let picture = try form.picture()
        return .hold { [self] held in
            let audience = PictureAudience(headers: Self.pictureHeaders(picture), isShared: false)
            _ = audience.join(held)
            render(picture, audience)
        }
    }
}

/// The form of `/get_mbrot`: `id`, `total`, `width`, `escape`, `server`, `port`, each optional.
struct ClassicPictureForm {
    private static let names: Set<String> = ["id", "total", "width", "escape", "server", "port"]
    /// Strips side by side; also bounded by the width.
    static let stripsMax = 4_096
    private var values: [String: String] = [:]

    /// Throws a `Problem` (422) for unknown and doubled names.
    init(_ form: [(name: String, value: String)]) throws(Problem) {
        for (name, value) in form {
            guard Self.names.contains(name) else {
                throw Problem(422, "Unknown form field \"\(name.prefix(80))\".", code: "unknown-field")
            }
            guard values.updateValue(value, forKey: name) == nil else {
                throw Problem(422, "The form field \"\(name)\" stands twice.", code: "field")
            }
        }
    }

    private func number(_ name: String, in range: ClosedRange<Int>, default value: Int) throws(Problem) -> Int {
        guard let text = values[name] else { return value }
        guard let number = Int(text), range.contains(number) else {
            throw Problem(
                422,
                "\"\(name)\" must be a whole number from \(range.lowerBound) to \(range.upperBound), not"
                    + " \"\(text.prefix(80))\".", code: "field")
        }
        return number
    }

    /// Three by two, which shows the whole set in height as well. Throws a `Problem` (422).
    func picture() throws(Problem) -> Picture {
        let width = try number("width", in: 1...Picture.sideMax, default: 1_920)
        let escape = try number("escape", in: 1...Picture.escapeMax, default: 1_000)
        let whole = try Picture(width: width, height: max(1, width * 2 / 3), escape: escape)
        if values["id"] == nil, values["total"] == nil { return whole }
        for name in ["id", "total"] where values[name] == nil {
            throw Problem(422, "A strip needs \"id\" and \"total\"; \"\(name)\" is missing.", code: "field")
        }
        let total = try number("total", in: 1...min(width, Self.stripsMax), default: 1)
        let id = try number("id", in: 0...total - 1, default: 0)
        let columns = width / total
        return try whole.cropped(to: id * columns..<(id + 1) * columns)
    }
}
