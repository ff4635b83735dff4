internal import MusterHTTPClient
internal import MusterJSON
internal import MusterWire
internal import Synchronization

/// A container as a list shows it.
struct ListedContainer: Sendable {
    let id: String
    let labels: [String: String]
    let isRunning: Bool
    /// Made, and not started yet.
    let isNew: Bool
}

/// A container as its inspection shows it.
struct InspectedContainer: Sendable {
    let json: JSONValue

    var isRunning: Bool { json["State"]?["Running"]?.bool == true }
    /// It has processes, whatever they do; each engine has its own words for that.
    var lives: Bool {
        isRunning || ["running", "paused", "restarting", "stopping"].contains(json["State"]?["Status"]?.string)
    }
    var id: String? { json["Id"]?.string }
    var exitCode: Int { json["State"]?["ExitCode"]?.int ?? -1 }
    var wasOutOfMemory: Bool { json["State"]?["OOMKilled"]?.bool == true }
    var labels: [String: String] { json["Config"]?["Labels"]?.strings ?? [:] }
    /// `NAME=value`.
    var environment: [String] { json["Config"]?["Env"]?.elements?.compactMap(\.string) ?? [] }
}

extension JSONValue {
    var strings: [String: String] {
        Dictionary(
            (members ?? []).compactMap { key, value in value.string.map { (key, $0) } }, uniquingKeysWith: { $1 })
    }
}

extension EngineClient {
    /// Made and not started. Answers its id. Throws `.conflict` or `.refused` when the name is taken.
    func create(_ spec: ContainerSpec, name: String?) async throws(EngineError) -> String {
        var spec = spec
        spec.volumes = try await volumes(ofImage: spec.image)
        let query = name.map { [("name", $0)] } ?? []
        let hasInit = spec.needsInit && hasInit.load(ordering: .relaxed)
        let answer = try await call("POST", "/containers/create", query, body: spec.body(hasInit: hasInit))
        guard answer.isGood else { throw withoutInit(answer) ?? refusal(answer) }
        guard let id = try answer.json()["Id"]?.string, !id.isEmpty else {
            throw EngineError(.badAnswer, "the container engine made a container and did not say which")
        }
        return id
    }

    /// Folders that an image wants as volumes. Throws `.imageMissing`.
    private func volumes(ofImage name: String) async throws(EngineError) -> [String] {
        let path = name.split(separator: "/", omittingEmptySubsequences: false).map { Self.escaped(String($0)) }
        let answer = try await call("GET", "/images/\(path.joined(separator: "/"))/json")
        guard answer.isGood else { throw refusal(answer) }
        return try answer.json()["Config"]?["Volumes"]?.members?.map(\.key) ?? []
    }

    func start(_ id: String) async throws(EngineError) {
        let answer = try await call("POST", "/containers/\(id)/start")
        guard answer.isGood else { throw withoutInit(answer) ?? refusal(answer) }
    }

    /// Nil, unless it was refused because the engine's own init is not installed: it is not asked for again.
    private func withoutInit(_ answer: EngineAnswer) -> EngineError? {
        let said = answer.complaint
        // Docker's at the start, and Podman's at the making.
        guard said.contains("docker-init") || said.contains("container-init") || said.contains("catatonit") else {
            return nil
        }
        hasInit.store(false, ordering: .relaxed)
        return EngineError(.refused, "the container engine has no init of its own: \(said)", isRetryable: true)
    }

    /// False: it does not run, or is gone. Engines say so by statuses of their own, so that after a refusal it is looked at.
    @discardableResult
    func kill(_ id: String, signal: String) async throws(EngineError) -> Bool {
        let answer = try await call("POST", "/containers/\(id)/kill", [("signal", signal)])
        if answer.isGood { return true }
        if answer.status == 404 || answer.status == 409 { return false }
        guard let found = try await inspect(id), found.isRunning else { return false }
        throw refusal(answer)
    }

    /// Kills it if need be, with its unnamed volumes. What is gone or going already is well.
    func remove(_ id: String) async throws(EngineError) {
        let answer = try await call("DELETE", "/containers/\(id)", [("force", "1"), ("v", "1")])
        if answer.isGood || answer.status == 404 || answer.status == 409 { return }
        // Somebody else was as quick.
        if try await inspect(id) != nil { throw refusal(answer) }
    }

    /// Nil: there is none.
    func inspect(_ id: String) async throws(EngineError) -> InspectedContainer? {
        let answer = try await call("GET", "/containers/\(id)/json")
        if answer.status == 404 { return nil }
        guard answer.isGood else { throw refusal(answer) }
        return InspectedContainer(json: try answer.json())
    }

    /// Those that carry all of these labels, ended ones too.
    func list(labels: [String]) async throws(EngineError) -> [ListedContainer] {
        let answer = try await call(
            "GET", "/containers/json", [("all", "1"), ("filters", Self.filters([("label", labels)]))])
        guard answer.isGood else { throw refusal(answer) }
        guard let all = try answer.json().elements else {
            throw EngineError(.badAnswer, "the container engine's list of containers is no array")
        }
        return all.compactMap { one in
            guard let id = one["Id"]?.string, let state = one["State"]?.string else { return nil }
            return ListedContainer(
                id: id, labels: one["Labels"]?.strings ?? [:],
                isRunning: ["running", "paused", "restarting", "stopping"].contains(state),
                isNew: ["created", "configured", "initialized"].contains(state))
        }
    }

    /// Gives what it printed, from the beginning, as long as `take` answers true, and says whether it still did at the end of it.
    func readOutput(
        of id: String, _ query: [(String, String)], _ take: (ArraySlice<UInt8>) -> Bool
    ) async throws(EngineError) -> Bool {
        let stream = try await stream("/containers/\(id)/logs", query)
        var frames = OutputFrames()
        var isWanted = true
        do {
            while isWanted, let bytes = try await stream.next() {
                frames.feed(bytes) { _, piece in if isWanted { isWanted = take(piece) } }
                guard !frames.isBroken else {
                    throw EngineError(.badAnswer, "the container engine's stream of output makes no sense")
                }
            }
        } catch let error as EngineError {
            throw error
        } catch {
            throw EngineError(
                .badAnswer, "the container engine broke off while a container's output was read: \(error)")
        }
        return isWanted
    }
}
