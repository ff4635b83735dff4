internal import MusterJSON

/// What an engine can do for its containers, by its answer to `GET /info`. One that an ordinary user runs may have no control groups by
/// which to hold a container to anything.
struct EngineFacts: Hashable, Sendable {
    /// An ordinary user runs it: who is root in its containers is that user outside.
    var isRootless = false
    var holdsMemory = true
    var holdsCPUs = true
    var holdsProcesses = true

    init() {}

    init(info json: JSONValue) {
        let options = json["SecurityOptions"]?.elements?.compactMap(\.string) ?? []
        isRootless = json["Rootless"]?.bool ?? options.contains { $0.hasPrefix("name=rootless") }
        // Podman takes all bounds, says that it can hold them, and holds none.
        let holdsNothing = isRootless && json["CgroupVersion"]?.string == "1"
        func holds(_ name: String) -> Bool { !holdsNothing && json[name]?.bool != false }
        (holdsMemory, holdsCPUs) = (holds("MemoryLimit"), holds("CpuCfsQuota"))
        holdsProcesses = holds("PidsLimit")
    }

    /// What it holds no container to; empty: it holds them to everything.
    var missing: [String] {
        (holdsMemory ? [] : ["memory"]) + (holdsCPUs ? [] : ["processors"]) + (holdsProcesses ? [] : ["processes"])
    }
}
