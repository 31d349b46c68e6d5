package io.argosy.client;

import com.google.protobuf.ByteString;
import com.google.protobuf.UnsafeByteOperations;
import io.argosy.v1.AbortUploadRequest;
import io.argosy.v1.AbortUploadResponse;
import io.argosy.v1.ArtifactFile;
import io.argosy.v1.CommitUploadRequest;
import io.argosy.v1.CommitUploadResponse;
import io.argosy.v1.CreateUploadRequest;
import io.argosy.v1.CreateUploadResponse;
import io.argosy.v1.GetUploadRequest;
import io.argosy.v1.GetUploadResponse;
import io.argosy.v1.ReadBlobRequest;
import io.argosy.v1.ReadBlobResponse;
import io.argosy.v1.UploadState;
import io.argosy.v1.WriteUploadRequest;
import io.argosy.v1.WriteUploadResponse;
import io.grpc.Status;
import io.grpc.stub.StreamObserver;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicLong;

/** Plays the vectors of uploads and downloads that break. They wait a lot, so that all of them run at once. */
final class VectorTransfers extends VectorServer.Capable {
    private static final int CHUNK_BYTES = 1 << 20;

    private final List<?> steps;
    private final byte[] content;
    private int played;
    private long answered = System.nanoTime();
    private volatile String surprise;

    private VectorTransfers(Map<?, ?> vector) {
        steps = (List<?>) vector.get("steps");
        content = ConformanceVectors.content(((Long) vector.get("size_bytes")).intValue());
    }

    static int run(List<?> uploads, List<?> downloads) {
        ExecutorService threads = Executors.newCachedThreadPool();
        try {
            List<Future<String>> results = new ArrayList<>();
            uploads.forEach(vector -> results.add(threads.submit(checking((Map<?, ?>) vector, true))));
            downloads.forEach(vector -> results.add(threads.submit(checking((Map<?, ?>) vector, false))));
            for (Future<String> result : results) {
                ConformanceVectors.expect(result.get().isEmpty(), "resume.json, " + result.get());
            }
            return results.size();
        } catch (InterruptedException | ExecutionException broken) {
            throw new AssertionError("resume.json: " + broken.getCause(), broken);
        } finally {
            threads.shutdownNow();
        }
    }

    private static Callable<String> checking(Map<?, ?> vector, boolean isUpload) {
        return () -> {
            VectorTransfers player = new VectorTransfers(vector);
            try (VectorServer server = new VectorServer(player)) {
                String result = player.result(server.connection(), isUpload);
                boolean mayStop = Boolean.TRUE.equals(vector.get("may_stop"));
                boolean isRight = result.equals(vector.get("result")) && player.played == player.steps.size();
                if (player.surprise != null || !isRight && !(mayStop && !result.equals("done"))) {
                    return (isUpload ? "uploads, " : "downloads, ") + vector.get("name") + ": it ended with " + result
                            + " after " + player.played + " steps; " + player.surprise;
                }
                return "";
            }
        };
    }

    private String result(Connection connection, boolean isUpload) {
        try {
            if (isUpload) {
                new Upload(connection, ByteSource.of(content), ContentHash.of(content)).run();
            } else {
                download(connection);
            }
            return "done";
        } catch (ArgosyException.DataLoss damaged) {
            return damaged.reason().isEmpty() ? "CORRUPT" : damaged.reason();
        } catch (ArgosyException failure) {
            return failure.reason().isEmpty() ? failure.code().name() : failure.reason();
        }
    }

    private void download(Connection connection) {
        ArtifactFile file = ArtifactFile.newBuilder()
                .setPath("data.bin")
                .setDigest(ContentHash.of(content))
                .setSizeBytes(content.length)
                .build();
        var received = new java.io.ByteArrayOutputStream();
        try (BlobReader reader = new BlobReader(connection, file)) {
            for (var chunk = reader.nextChunk(); chunk != null; chunk = reader.nextChunk()) {
                received.write(chunk.array(), 0, chunk.remaining());
            }
        }
        ConformanceVectors.expect(java.util.Arrays.equals(received.toByteArray(), content), "other bytes");
    }

    /** Returns the next step when it is this call, and was waited for. */
    private synchronized Map<?, ?> step(String call) {
        Map<?, ?> step = played < steps.size() ? (Map<?, ?>) steps.get(played) : Map.of("call", "nothing");
        played++;
        if (!call.equals(step.get("call"))) {
            surprise = "step " + played + " is " + call + ", not " + step.get("call");
            return null;
        }
        if (step.get("pause") instanceof List<?> pause) {
            double waited = (System.nanoTime() - answered) / 1e9;
            if (waited < (Double) pause.get(0)) {
                surprise = "step " + played + " came after " + waited + " s, not " + pause.get(0);
            }
        }
        return step;
    }

    private synchronized void answers() {
        answered = System.nanoTime();
    }

    /** Answers a simple call by what the step says; null when it was an error. */
    private Map<?, ?> answer(String call, StreamObserver<?> observer) {
        Map<?, ?> step = step(call);
        answers();
        if (step == null) {
            observer.onError(Status.UNIMPLEMENTED.withDescription(surprise).asRuntimeException());
            return null;
        }
        Map<?, ?> answer = (Map<?, ?>) step.get("answer");
        if (answer.get("status") instanceof Map<?, ?> status) {
            observer.onError(VectorServer.status(status));
            return null;
        }
        return answer;
    }

    private static io.argosy.v1.Upload upload(Map<?, ?> answer) {
        Map<?, ?> upload = (Map<?, ?>) answer.get("upload");
        return io.argosy.v1.Upload.newBuilder()
                .setId((String) upload.get("id"))
                .setState(UploadState.valueOf("UPLOAD_STATE_" + upload.get("state")))
                .setCommittedSize((Long) upload.get("committed_size"))
                .setEpoch((Long) upload.get("epoch"))
                .build();
    }

    @Override
    public void createUpload(CreateUploadRequest request, StreamObserver<CreateUploadResponse> observer) {
        Map<?, ?> answer = answer("CreateUpload", observer);
        if (answer != null) {
            observer.onNext(CreateUploadResponse.newBuilder().setUpload(upload(answer)).build());
            observer.onCompleted();
        }
    }

    @Override
    public void getUpload(GetUploadRequest request, StreamObserver<GetUploadResponse> observer) {
        Map<?, ?> answer = answer("GetUpload", observer);
        if (answer != null) {
            observer.onNext(GetUploadResponse.newBuilder().setUpload(upload(answer)).build());
            observer.onCompleted();
        }
    }

    @Override
    public void commitUpload(CommitUploadRequest request, StreamObserver<CommitUploadResponse> observer) {
        if (answer("CommitUpload", observer) != null) {
            observer.onNext(CommitUploadResponse.getDefaultInstance());
            observer.onCompleted();
        }
    }

    @Override
    public void abortUpload(AbortUploadRequest request, StreamObserver<AbortUploadResponse> observer) {
        observer.onNext(AbortUploadResponse.getDefaultInstance());
        observer.onCompleted();
    }

    @Override
    public StreamObserver<WriteUploadRequest> writeUpload(StreamObserver<WriteUploadResponse> observer) {
        AtomicLong position = new AtomicLong(-1);
        return new StreamObserver<>() {
            private Map<?, ?> step;

            @Override
            public void onNext(WriteUploadRequest message) {
                if (message.hasOpen()) {
                    open(message);
                } else if (position.get() >= 0) {
                    compare(message.getChunk());
                }
            }

            private void open(WriteUploadRequest message) {
                step = step("WriteUpload");
                position.set(message.getOpen().getOffset());
                if (step == null) {
                    observer.onError(Status.UNIMPLEMENTED.withDescription(surprise).asRuntimeException());
                    return;
                }
                if (!step.get("offset").equals(message.getOpen().getOffset())
                        || !step.get("epoch").equals(message.getOpen().getEpoch())) {
                    surprise = "step " + played + " opens at " + message.getOpen();
                }
                if (((Map<?, ?>) step.get("answer")).get("status") instanceof Map<?, ?> status) {
                    position.set(-1);
                    answers();
                    observer.onError(VectorServer.status(status));
                }
            }

            private void compare(ByteString chunk) {
                int start = (int) position.getAndAdd(chunk.size());
                if (!chunk.equals(UnsafeByteOperations.unsafeWrap(content, start, chunk.size()))) {
                    surprise = "step " + played + " sends other bytes";
                }
            }

            @Override
            public void onCompleted() {
                if (position.get() >= 0) {
                    answers();
                    observer.onNext(WriteUploadResponse.newBuilder().setCommittedSize(position.get()).build());
                    observer.onCompleted();
                }
            }

            @Override
            public void onError(Throwable broken) {
                // The client cancels a stream that is over.
            }
        };
    }

    @Override
    public void readBlob(ReadBlobRequest request, StreamObserver<ReadBlobResponse> observer) {
        Map<?, ?> step = step("ReadBlob");
        if (step == null) {
            observer.onError(Status.UNIMPLEMENTED.withDescription(surprise).asRuntimeException());
            return;
        }
        if (!step.get("offset").equals(request.getOffset())) {
            surprise = "step " + played + " reads from " + request.getOffset();
        }
        int until = ((Long) step.get("until")).intValue();
        for (int at = (int) request.getOffset(); at < until; at += CHUNK_BYTES) {
            byte[] chunk = new byte[Math.min(CHUNK_BYTES, until - at)];
            for (int i = 0; i < chunk.length; i++) {
                boolean isFlipped = Long.valueOf(at + i).equals(step.get("flip"));
                chunk[i] = (byte) ((at + i) % 251 ^ (isFlipped ? 1 : 0));
            }
            observer.onNext(ReadBlobResponse.newBuilder()
                    .setChunk(UnsafeByteOperations.unsafeWrap(chunk))
                    .build());
        }
        answers();
        Map<?, ?> status = (Map<?, ?>) step.get("status");
        if (status.get("code").equals("OK")) {
            observer.onCompleted();
        } else {
            observer.onError(VectorServer.status(status));
        }
    }
}
