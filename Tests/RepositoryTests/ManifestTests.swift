import Glibc
import MusterTestKit
import Testing

/// The manifests under deploy/, rendered and checked by Scripts/kubernetes-check.
@Suite("manifests", .serialized, .enabled(if: Manifests.missing == nil, "\(Manifests.missing ?? "")"))
struct ManifestTests {
    @Test("every object fits the API's schema and the house's rules")
    func valid() {
        let run = Manifests.check("deploy/kubernetes deploy/kubernetes-storage-class deploy/kubernetes-second-fleet")
        #expect(run.code == 0, "\(run.output)")
        #expect(run.output.contains("objects fit"))
    }

    /// A change to one file, as an expression of sed, and what the check says of it.
    static let bad: [(file: String, change: String, words: String)] = [
        ("worker.yaml", "s/imagePullPolicy/imagePullPolice/", "there is no field imagePullPolice"),
        ("worker.yaml", "s/terminationGracePeriodSeconds: 30/terminationGracePeriodSeconds: soon/", "no integer"),
        ("worker.yaml", "s/apiVersion: autoscaling.v2/apiVersion: autoscaling\\/v3/", "the API has no"),
        ("worker.yaml", "s/memory: 512Mi/memory: 512 MB/", "is no quantity"),
        ("worker.yaml", "s/--slots/--seats/", "muster worker has no flag --seats"),
        ("worker.yaml", "s/runAsNonRoot: true/runAsNonRoot: false/", "runs as root"),
        ("worker.yaml", "s/name: join$/name: joint/", "there is no secret joint"),
        ("origin.yaml", "s/readOnlyRootFilesystem: true/readOnlyRootFilesystem: false/", "may write to its image"),
        ("origin.yaml", "s/path: .readyz, port: http/path: \\/readyz, port: web/", "asks port web"),
        ("origin.yaml", "s/readinessProbe:/startupProbe2:/", "has no readinessProbe"),
        ("origin.yaml", "s/claimName: origin/claimName: origins/", "there is no claim origins"),
        ("edge.yaml", "s/clusterIP: None/type: NodePort/", "not the gateway alone"),
        ("edge.yaml", "s/serviceName: edge/serviceName: rim/", "there is no service rim"),
        ("coordinator.yaml", "s/targetPort: http/targetPort: web/", "which nobody has"),
        ("volumes.yaml", "s/volumeName: muster-origin/volumeName: muster-original/", "bound to no volume"),
        ("volumes.yaml", "s/operator: Exists/operator: DoesNotExist/", "which may be empty"),
    ]

    @Test("the check finds what it is for", arguments: bad)
    func finds(file: String, change: String, words: String) {
        let run = Manifests.check(
            "\"$place\"",
            before: "place=$(mktemp -d); trap 'rm -rf \"$place\"' EXIT; cp deploy/kubernetes/* \"$place\"; "
                + "sed -i '\(change)' \"$place/\(file)\"; ! diff -r deploy/kubernetes \"$place\" >/dev/null || exit 99; "
        )
        #expect(run.code == 1)
        #expect(run.output.contains(words), "\(run.output)")
    }
}

enum Manifests {
    static let root = #filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined()

    /// What this machine lacks to check them; nil: nothing.
    static let missing: String? = {
        if shell("python3 -c 'import yaml'").code != 0 {
            return "python3 or its yaml is missing (Scripts/bootstrap --manifests)"
        }
        if shell("kubectl version --client").code != 0 { return "kubectl is missing (Scripts/bootstrap --manifests)" }
        // Without folders to look at, it only looks for the schema.
        let run = check("--schema")
        return run.code == 75 ? run.output : nil
    }()

    static func check(_ folders: String, before: String = "") -> (code: Int32, output: String) {
        shell("\(before)MUSTER='\(MusterBinary.path)' Scripts/kubernetes-check \(folders)")
    }

    /// Runs a line in the repository's root, with what bootstrap installed for it; standard error is part of the output.
    static func shell(_ line: String) -> (code: Int32, output: String) {
        let whole = "exec 2>&1; cd '\(root)'; PATH=$PWD/.build/manifests/bin:$PATH; \(line)"
        guard let pipe = popen(whole, "re") else { return (-1, "popen failed") }
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = fread(&piece, 1, piece.count, pipe)
            if count == 0 { break }
            bytes += piece[..<count]
        }
        let status = pclose(pipe)
        return (status & 0x7F == 0 ? status >> 8 & 0xFF : -1, String(decoding: bytes, as: UTF8.self))
    }
}
