internal import Glibc
internal import MusterLaunch

/// A large file that every task needs, on four workers of one machine.
func benchRunFile(_ options: Options, _ report: Report) async throws {
    let (bytes, count) = options.isSmoke ? (20_000_000, 40) : (200_000_000, 1_000)
    let slots = 4
    let fleet = try await BenchFleet(options, workers: slots, workerFlags: ["--allow-exec"])
    let origin = try await BenchOrigin(options, of: fleet)
    let folder = try benchFolder("file")
    let client = try RawClient(port: fleet.port)
    var (rates, peers, extras, wire) = ([Double](), [Double](), [Double](), 0)
    let rounds = options.isSmoke ? 1 : 3
    for _ in 0..<rounds {
        let file = try await SharedInput(bytes: bytes, in: folder, at: origin)
        let peer = try await peerLine("Benchmarks/peers/nginx-file", [file.path])
        guard let peerRate = number("bytes_per_second", in: peer) else { throw BenchError("no rate in: \(peer)") }
        peers.append(peerRate)
        _ = origin.takeSent()
        let before = try secondsOfJob("", count, client)
        let cold = try secondsOfJob(file.params, count, client)
        let warm = try secondsOfJob(file.params, count, client)
        let after = try secondsOfJob("", count, client)
        wire += origin.takeSent().bytes
        rates.append(Double(bytes) / max(0.001, cold - warm))
        extras.append((warm - (before + after) / 2) * Double(slots) / Double(count) * 1_000)
    }
    await origin.stop()
    await fleet.stop()
    await removeBenchFolder(folder)
    let (rate, peer, extra) = (percentile(rates, 50), percentile(peers, 50), percentile(extras, 50))
    report.line(
        "\(count) tasks, a file of \(bytes / 1_000_000) MB: \(short(Double(wire) / Double(rounds * bytes))) x its bytes left the origin"
    )
    report.goal("once", isMet: wire == rounds * bytes)
    report.line(
        "it came with \(short(rate / 1e6)) MB/s; curl from nginx into a file, in turn: \(short(peer / 1e6)) MB/s; ratio "
            + "\(short(rate / peer)) x")
    report.goal("at least 0.8 x curl", isMet: rate >= 0.8 * peer)
    report.line("a task that has the file at hand takes \(short(extra)) ms longer than one without")
    report.goal("at most 5 ms", isMet: extra <= 5)
}

/// A file of chance that an origin has.
private struct SharedInput {
    let path: String
    /// What the params of a job say of it.
    let params: String

    init(bytes: Int, in folder: String, at origin: BenchOrigin) async throws {
        path = "\(folder)/large"
        _ = try await secondsOf(
            "cd \(folder) && head -c \(bytes) /dev/urandom >large && sha256sum large | cut -c 1-64 >sum && "
                + "curl -fsS -H 'Authorization: Bearer \(BenchFleet.token)' -T large \(origin.url)/files/$(cat sum)")
        let sum = (readText("\(folder)/sum") ?? "").prefix(64)
        params =
            ",\"files\":{\"origin\":\"\(origin.url)\",\"send\":[{\"path\":\"large\",\"sha256\":\"\(sum)\",\"size\":\(bytes)}]}"
    }
}

/// From a job's submission to the last of its results.
private func secondsOfJob(_ params: String, _ count: Int, _ client: RawClient) throws -> Double {
    let began = seconds()
    let job = try submit(
        "{\"kernel\":\"exec\",\"params\":{\"command\":[\"true\"]\(params)},\"count\":\(count)}", client)
    _ = try client.request("GET", "/v1/jobs/\(job)/results?wait=true", keepsBody: false)
    let time = seconds() - began
    let status = try client.request("GET", "/v1/jobs/\(job)").text
    guard number("done", in: status) == Double(count), number("failed", in: status) == 0 else {
        throw BenchError("job \(job) did not succeed: \(status)")
    }
    return time
}

/// Small files that come back into the current folder.
func benchRunReturn(_ options: Options, _ report: Report) async throws {
    let count = options.isSmoke ? 100 : 10_000
    let fleet = try await BenchFleet(options, workers: 2, workerFlags: ["--allow-exec"])
    let origin = try await BenchOrigin(options, of: fleet)
    let folder = try benchFolder("return")
    let write = "head -c 10240 /dev/urandom >out.{}"
    let time = try await secondsOf(
        "muster=$(realpath \(options.binary)) && cd \(folder) && seq \(count) | $muster run --coordinator \(fleet.url) "
            + "--token \(BenchFleet.token) --origin \(origin.url) --return out.{} '\(write)'")
    _ = try await secondsOf("[ $(find \(folder) -type f -size 10240c | wc -l) = \(count) ]")
    await origin.stop()
    await fleet.stop()
    await removeBenchFolder(folder)
    let rate = Double(count) / time
    report.line("\(count) files of 10 KB: \(short(rate)) files/s, submitted to all brought back")
    guard let line = try? await peerLine("Benchmarks/peers/parallel-return", ["\(options.isSmoke ? 4 : 50)", write]),
        let peer = number("files_per_second", in: line)
    else { return report.line("GNU parallel, rsync or an OpenSSH server is not installed: not compared") }
    report.line("GNU parallel -j2 --return over SSH, same run: \(short(peer)) files/s; ratio \(short(rate / peer)) x")
    report.goal("at least 5 x GNU parallel", isMet: rate >= 5 * peer)
}

private func benchFolder(_ name: String) throws -> String {
    let path = ".build/bench/\(name)-\(getpid())"
    mkdir(".build/bench", 0o700)
    guard mkdir(path, 0o700) == 0 else { throw BenchError("cannot make \(path): errno \(errno)") }
    return path
}
