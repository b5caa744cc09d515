// Command verify_export checks an exported log with Go's own transparency-log packages.
//
//	verify_export DIRECTORY
package main

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// tiles reads the C2SP layout, which is Go's without the tile height in the path.
type tiles struct{ directory string }

func (t tiles) Height() int { return 8 }

func (t tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	var found [][]byte
	for _, tile := range wanted {
		path := strings.Replace(tile.Path(), "tile/8/", "tile/", 1)
		data, err := os.ReadFile(filepath.Join(t.directory, path))
		if err != nil {
			return nil, err
		}
		found = append(found, data)
	}
	return found, nil
}

func (t tiles) SaveTiles([]tlog.Tile, [][]byte) {}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func read(parts ...string) string {
	data, err := os.ReadFile(filepath.Join(parts...))
	must(err)
	return string(data)
}

// head opens the signed checkpoint.
func head(directory string) tlog.Tree {
	verifier, err := note.NewVerifier(strings.TrimSpace(read(directory, "vkey")))
	must(err)
	opened, err := note.Open([]byte(read(directory, "checkpoint")), note.VerifierList(verifier))
	must(err)
	lines := strings.Split(opened.Text, "\n")
	size, err := strconv.ParseInt(lines[1], 10, 64)
	must(err)
	root, err := base64.StdEncoding.DecodeString(lines[2])
	must(err)
	var tree tlog.Tree
	tree.N = size
	copy(tree.Hash[:], root)
	return tree
}

// records reads every entry bundle.
func records(directory string, size int64) [][]byte {
	var all [][]byte
	for start := int64(0); start < size; start += 256 {
		width := min(256, size-start)
		path := tlog.Tile{H: 8, L: -1, N: start / 256, W: int(width)}.Path()
		data := []byte(read(directory, strings.Replace(path, "tile/8/data", "tile/entries", 1)))
		for len(data) > 0 {
			end := 2 + int(binary.BigEndian.Uint16(data))
			all = append(all, data[2:end])
			data = data[end:]
		}
	}
	return all
}

func min(a, b int64) int64 {
	if a < b {
		return a
	}
	return b
}

func main() {
	directory := os.Args[1]
	tree := head(directory)
	hashes := tlog.TileHashReader(tree, tiles{directory})
	all := records(directory, tree.N)
	if int64(len(all)) != tree.N {
		log.Fatalf("%d records, and a checkpoint of %d", len(all), tree.N)
	}
	for at, record := range all {
		proof, err := tlog.ProveRecord(tree.N, int64(at), hashes)
		must(err)
		must(tlog.CheckRecord(proof, tree.N, tree.Hash, int64(at), tlog.RecordHash(record)))
	}
	for old := int64(1); old <= tree.N; old += 1 + tree.N/50 {
		root, err := tlog.TreeHash(old, hashes)
		must(err)
		proof, err := tlog.ProveTree(tree.N, old, hashes)
		must(err)
		must(tlog.CheckTree(proof, tree.N, tree.Hash, old, root))
	}
	fmt.Printf("verified %d records\n", tree.N)
}
