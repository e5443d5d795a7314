// Checks an exported log with Go's own packages for notes and trees, and none of ours.
//
// Usage: go_verifier KEY... < REQUEST. The request has one check in a line; each gives one line:
//
//	note FILE                                       size and root of a checkpoint, if KEY signed it
//	root FILE...                                    root over the entries in bundles
//	include INDEX SIZE ROOT ENTRY HASH,HASH...      ok, or why not
//	consistent OLD ROOT NEW ROOT HASH,HASH...       ok, or why not
//	proof FILE ENTRY                                the same for a file of one proof
package main

import (
	"bufio"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type hashes []tlog.Hash

func (kept *hashes) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	found := make([]tlog.Hash, len(indexes))
	for place, index := range indexes {
		found[place] = (*kept)[index]
	}
	return found, nil
}

func root(files []string) (string, error) {
	var kept hashes
	var size int64
	for _, file := range files {
		bundle, err := os.ReadFile(file)
		if err != nil {
			return "", err
		}
		for len(bundle) > 0 {
			length := int(binary.BigEndian.Uint16(bundle))
			more, err := tlog.StoredHashes(size, bundle[2:2+length], &kept)
			if err != nil {
				return "", err
			}
			kept = append(kept, more...)
			bundle = bundle[2+length:]
			size++
		}
	}
	found, err := tlog.TreeHash(size, &kept)
	return fmt.Sprintf("%d %s", size, found), err
}

func open(text []byte, verifiers note.Verifiers) (int64, tlog.Hash, error) {
	opened, err := note.Open(text, verifiers)
	if err != nil {
		return 0, tlog.Hash{}, err
	}
	lines := strings.Split(opened.Text, "\n")
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return 0, tlog.Hash{}, err
	}
	hash, err := tlog.ParseHash(lines[2])
	return size, hash, err
}

func list(text string) ([]tlog.Hash, error) {
	found := []tlog.Hash{}
	for _, one := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == '\n' }) {
		hash, err := tlog.ParseHash(one)
		if err != nil {
			return nil, err
		}
		found = append(found, hash)
	}
	return found, nil
}

func included(index, size int64, root tlog.Hash, file, path string) error {
	entry, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	proof, err := list(path)
	if err != nil {
		return err
	}
	return tlog.CheckRecord(proof, size, root, index, tlog.RecordHash(entry))
}

func consistent(words []string) error {
	older, _ := strconv.ParseInt(words[0], 10, 64)
	newer, _ := strconv.ParseInt(words[2], 10, 64)
	before, err := tlog.ParseHash(words[1])
	if err != nil {
		return err
	}
	after, err := tlog.ParseHash(words[3])
	if err != nil {
		return err
	}
	proof, err := list(words[4])
	if err != nil {
		return err
	}
	return tlog.CheckTree(proof, newer, after, older, before)
}

func proof(file, entry string, verifiers note.Verifiers) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	head, checkpoint, _ := strings.Cut(string(text), "\n\n")
	lines := strings.SplitN(head+"\n", "\n", 3)
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[1], "index "), 10, 64)
	if err != nil || lines[0] != "c2sp.org/tlog-proof@v1" {
		return errors.New("not a proof")
	}
	size, root, err := open([]byte(checkpoint), verifiers)
	if err != nil {
		return err
	}
	return included(index, size, root, entry, lines[2])
}

func answer(words []string, verifiers note.Verifiers) (string, error) {
	switch words[0] {
	case "note":
		text, err := os.ReadFile(words[1])
		if err != nil {
			return "", err
		}
		size, hash, err := open(text, verifiers)
		return fmt.Sprintf("%d %s", size, base64.StdEncoding.EncodeToString(hash[:])), err
	case "root":
		return root(words[1:])
	case "include":
		index, _ := strconv.ParseInt(words[1], 10, 64)
		size, _ := strconv.ParseInt(words[2], 10, 64)
		hash, err := tlog.ParseHash(words[3])
		if err != nil {
			return "", err
		}
		return "ok", included(index, size, hash, words[4], words[5])
	case "consistent":
		return "ok", consistent(words[1:])
	case "proof":
		return "ok", proof(words[1], words[2], verifiers)
	}
	return "", errors.New("unknown request")
}

func main() {
	var keys []note.Verifier
	for _, text := range os.Args[1:] {
		key, err := note.NewVerifier(text)
		if err != nil {
			fmt.Fprintln(os.Stderr, text, err)
			os.Exit(2)
		}
		keys = append(keys, key)
	}
	requests := bufio.NewScanner(os.Stdin)
	requests.Buffer(nil, 1<<24)
	for requests.Scan() {
		found, err := answer(strings.Split(requests.Text(), " "), note.VerifierList(keys...))
		if err != nil {
			found = "no: " + err.Error()
		}
		fmt.Println(strings.ReplaceAll(found, "\n", " "))
	}
}
