internal import MusterAPI
internal import MusterJSON

/// What one container may take of its machine.
package struct ContainerLimits: Hashable, Sendable {
    /// Memory and what is in its temporary folder; there is no swap beyond it. 6 MiB or more, 0: as much as there is. From
    /// `--container-memory`.
    package var memoryBytes = 512 << 20
    /// Processors' worth of time, 0: as much as there is. From `--container-cpus`.
    package var cpus = 1.0
    /// Processes and threads, beside the engine's init; 0: as many as the engine lets it. From `--container-pids`.
    package var pids = 256
    /// Of `/tmp`, the one place where it can write.
    package var temporaryBytes = 64 << 20

    package init() {}
}

/// A container to be made. It gets no privileges, no capabilities, a root that it cannot write to, and is never restarted.
struct ContainerSpec: Sendable {
    enum Logging: Hashable {
        /// At most so many bytes of what it prints stay with the engine.
        case kept(bytesMax: Int)
        case none
    }

    var image: String
    /// Empty: the image's own.
    var command: [String] = []
    /// The program that is run in place of the image's own; empty: that one.
    var entryPoint = ""
    /// `user:group`, by their numbers; empty: the image's own.
    var user = ""
    /// An engine's word for which users there are; empty: as usual.
    var userNamespace = ""
    /// Empty: the image's own.
    var workingFolder = ""
    /// A folder of the machine that is in it, too, at `mountPoint`; empty: none.
    var mount = ""
    var mountPoint = ""
    /// The machine's GPUs that it has, by their indexes there; in it they are counted from 0.
    var gpus: [Int] = []
    var environment: [String: String] = [:]
    var labels: [String: String] = [:]
    var limits = ContainerLimits()
    /// `none`, `bridge`, `host` or a network's name.
    var network = "none"
    /// `name:address`.
    var extraHosts: [String] = []
    /// `source:target:options`.
    var binds: [String] = []
    var logging = Logging.kept(bytesMax: 1 << 20)
    var hasInput = false
    /// Folders that the image wants as volumes: they are temporary, and bounded as `/tmp`.
    var volumes: [String] = []
    /// False for what brings its own.
    var needsInit = true

    /// The body of `POST /containers/create`.
    func body(hasInit: Bool) -> [UInt8] {
        var json = JSONWriter(reserving: 1_024)
        json.beginObject()
        json.field("Image", image)
        if !entryPoint.isEmpty { json.strings("Entrypoint", [entryPoint]) }
        if !command.isEmpty || !entryPoint.isEmpty { json.strings("Cmd", command) }
        if !user.isEmpty { json.field("User", user) }
        if !workingFolder.isEmpty { json.field("WorkingDir", workingFolder) }
        json.strings("Env", environment.map { "\($0.key)=\($0.value)" }.sorted())
        json.field("AttachStdin", hasInput)
        json.field("OpenStdin", hasInput)
        json.field("StdinOnce", hasInput)
        json.field("NetworkDisabled", network == "none")
        json.key("Labels")
        json.beginObject()
        for key in labels.keys.sorted() {
            json.key(named: key)
            json.value(labels[key]!)
        }
        json.endObject()
        json.key("Healthcheck")
        json.beginObject()
        json.strings("Test", ["NONE"])
        json.endObject()
        json.key("HostConfig")
        writeHostConfig(&json, hasInit)
        json.endObject()
        return json.bytes
    }

    private func writeHostConfig(_ json: inout JSONWriter, _ hasInit: Bool) {
        json.beginObject()
        json.field("Memory", limits.memoryBytes)
        json.field("MemorySwap", limits.memoryBytes)
        if limits.cpus > 0 { json.field("NanoCpus", Int(limits.cpus * 1e9)) }
        if limits.pids > 0 { json.field("PidsLimit", limits.pids + (hasInit ? 1 : 0)) }
        json.strings("CapDrop", ["ALL"])
        json.strings("SecurityOpt", ["no-new-privileges"])
        json.field("ReadonlyRootfs", true)
        if hasInit { json.field("Init", true) }
        json.field("NetworkMode", network)
        json.strings("ExtraHosts", extraHosts)
        json.strings("Binds", binds)
        if !userNamespace.isEmpty { json.field("UsernsMode", userNamespace) }
        if !mount.isEmpty { writeMount(&json) }
        if !gpus.isEmpty { writeGPUs(&json) }
        json.key("Tmpfs")
        json.beginObject()
        for folder in Set(volumes + ["/tmp"]).sorted() {
            json.key(named: folder)
            json.value("rw,nosuid,nodev,mode=1777,size=\(limits.temporaryBytes)")
        }
        json.endObject()
        json.key("RestartPolicy")
        json.beginObject()
        json.field("Name", "no")
        json.endObject()
        json.key("LogConfig")
        writeLogging(&json)
        json.endObject()
    }

    /// Unlike one of `Binds` it is refused where it is not there.
    private func writeMount(_ json: inout JSONWriter) {
        json.key("Mounts")
        json.beginArray()
        json.beginObject()
        json.field("Type", "bind")
        json.field("Source", mount)
        json.field("Target", mountPoint)
        json.endObject()
        json.endArray()
    }

    /// As `docker run --gpus device=…` asks for them: of whichever driver the engine has for GPUs.
    private func writeGPUs(_ json: inout JSONWriter) {
        json.key("DeviceRequests")
        json.beginArray()
        json.beginObject()
        json.strings("DeviceIDs", gpus.map { "\($0)" })
        json.key("Capabilities")
        json.beginArray()
        json.beginArray()
        json.value("gpu")
        json.endArray()
        json.endArray()
        json.endObject()
        json.endArray()
    }

    private func writeLogging(_ json: inout JSONWriter) {
        json.beginObject()
        switch logging {
        case .none: json.field("Type", "none")
        case .kept(let bytesMax):
            json.field("Type", "json-file")
            json.key("Config")
            json.beginObject()
            json.field("max-size", "\(bytesMax)")
            json.field("max-file", "1")
            json.endObject()
        }
        json.endObject()
    }
}

extension JSONWriter {
    fileprivate mutating func strings(_ name: StaticString, _ values: [String]) {
        key(name)
        beginArray()
        for text in values { value(text) }
        endArray()
    }
}
